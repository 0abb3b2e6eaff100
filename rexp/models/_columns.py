"""Fields as columns of numbers, for models that are fitted by other libraries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, hstack

if TYPE_CHECKING:
    from rexp.data.types import Array, Feature, FeatureSpec, Kind


@dataclass(frozen=True)
class Column:
    """A field of some rows.

    Args:
        name: ``user``, ``item``, or the feature's.
        kind: of the feature; an id is a category.
        size: categories, the width of a vector, or 1 of a number.
        values: (N,) or (N, K), as :class:`rexp.api.Feature` says.
    """

    name: str
    kind: Kind
    size: int
    values: Array

    def values_only(self) -> Array:
        """(N, M) float64: a category's number, a column of 0 or 1 for each category of a set, numbers as they are."""
        if self.kind != "set":
            return self.values.reshape(len(self.values), -1).astype(np.float64)
        held: Array = (self.one_hot().toarray() > 0).astype(np.float64)
        return held

    def one_hot(self) -> csr_array:
        """(N, size): 1 in a category's column, 1 / n in those of a set of n, a number or a vector as it is."""
        if self.kind in ("number", "vector"):
            return csr_array(self.values.reshape(len(self.values), -1).astype(np.float64))
        if self.kind == "category":
            rows, columns, shares = np.arange(len(self.values)), self.values, np.ones(len(self.values))
        else:
            rows, places = np.nonzero(self.values)
            columns = self.values[rows, places]
            shares = 1.0 / np.bincount(rows, minlength=len(self.values))[rows]
        return csr_array((shares, (rows, columns)), shape=(len(self.values), self.size))


def columns_of(
    names: Sequence[str],
    specs: Mapping[str, FeatureSpec],
    sizes: tuple[int, int],
    users: Array,
    items: Array,
    features: Mapping[str, Feature],
    context: Mapping[str, Array],
) -> list[Column]:
    """The named fields of rows.

    Args:
        names: of the fields, in their order.
        specs: of the features.
        sizes: how many users and items there are.
        users, items: (N,) of the rows.
        features: of users and items by id.
        context: of the rows.
    """
    found = []
    for name in names:
        if name in ("user", "item"):
            ids, size = (users, sizes[0]) if name == "user" else (items, sizes[1])
            found.append(Column(name, "category", size, ids))
            continue
        spec = specs[name]
        if spec.side == "context":
            values = context[name]
        else:
            values = features[name].values[users if spec.side == "user" else items]
        found.append(Column(name, spec.kind, spec.cardinality or spec.dim or 1, values))
    return found


def one_hot(columns: Sequence[Column]) -> csr_array:
    """(N, M): all columns beside one another."""
    return csr_array(hstack([column.one_hot() for column in columns], format="csr"))
