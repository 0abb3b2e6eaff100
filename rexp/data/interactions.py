"""Interactions: columns of user, item and, where known, rating and time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rexp.data.types import Array


def sorted_distinct(values: Array) -> Array:
    """The distinct values, ascending; for a million whole numbers several times faster than ``np.unique``."""
    ordered = np.sort(values)
    distinct: Array = ordered[np.concatenate([np.ones(min(1, len(ordered)), bool), ordered[1:] != ordered[:-1]])]
    return distinct


def context_groups(keys: Array, context: Mapping[str, Array]) -> Array:
    """(N,) int64 numbers from 0, equal where the keys (N,) and all contexts are, in the order of the keys."""
    numbers: Array = np.unique(keys, return_inverse=True)[1].astype(np.int64)
    for values in context.values():
        for column in [values] if values.ndim == 1 else values.T:
            codes = np.unique(column, return_inverse=True)[1]
            numbers = np.unique(numbers * (int(codes.max(initial=0)) + 1) + codes, return_inverse=True)[1]
    return numbers


@dataclass(frozen=True)
class Interactions:
    """Columns of interactions in dense ids, sorted by user, then time, then the order of the file.

    Args:
        users: (N,) int32.
        items: (N,) int32.
        ratings: (N,) float32, or None where the data has none.
        times: (N,) int64 or, where the data has fractions, float64: seconds, an order, or what else the data counts
            in; or None.
        ticks: how many of ``times`` make one of the data's own unit: 1000 where they are milliseconds.
        rows: (N,) int64, ascending in the order of the file; known to a splitter alone, None in a split's parts.
        context: the contexts' features by name (``context.hour``): (N,) or (N, K) values by row, encoded as
            :class:`rexp.data.types.Feature` says; not yet known to a splitter.
        weights: (N,) float32, how much each row counts where a fit is asked for it; or None where all count alike.
        propensities: (N,) float32, the probability with which each row's pair is observed; or None where nobody knows.
    """

    users: Array
    items: Array
    ratings: Array | None = None
    times: Array | None = None
    ticks: int = 1
    rows: Array | None = None
    context: Mapping[str, Array] = field(default_factory=dict)
    weights: Array | None = None
    propensities: Array | None = None

    def __len__(self) -> int:
        return len(self.users)

    def take(self, rows: Array) -> Interactions:
        """The chosen rows (a mask or row numbers), in their order; their order in the file is left behind."""
        return Interactions(
            self.users[rows],
            self.items[rows],
            None if self.ratings is None else self.ratings[rows],
            None if self.times is None else self.times[rows],
            self.ticks,
            context={name: values[rows] for name, values in self.context.items()},
            weights=None if self.weights is None else self.weights[rows],
            propensities=None if self.propensities is None else self.propensities[rows],
        )

    def latest_context(self, n_users: int) -> dict[str, Array]:
        """The context of every user's last row, by user; 0, which is unknown, for a user without rows."""
        offsets = self.offsets(n_users)
        known = np.diff(offsets) > 0
        found = {}
        for name, values in self.context.items():
            found[name] = np.zeros((n_users, *values.shape[1:]), values.dtype)
            found[name][known] = values[offsets[1:][known] - 1]
        return found

    def offsets(self, n_users: int) -> Array:
        """(n_users + 1,) int64: user u's rows are ``offsets[u]:offsets[u + 1]``."""
        return np.searchsorted(self.users, np.arange(n_users + 1)).astype(np.int64)
