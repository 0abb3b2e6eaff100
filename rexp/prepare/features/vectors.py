"""Vector columns: one width, finite, filled where an id has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rexp.data.types import Array, Feature, FeatureSpec, Side
from rexp.errors import ConfigError, DataError
from rexp.prepare.features.policy import WHERE, ColumnPolicy

if TYPE_CHECKING:
    from rexp.prepare.features.policy import Fill


def as_vectors(name: str, column: pl.Series) -> tuple[Array, Array]:
    """A column of lists of numbers as (n, D) float32, zeros where there is none, and (n,) bool: where there is one.

    Raises:
        ConfigError: it holds no such lists.
        DataError: they are not of one width, or lack a number.
    """
    kind = column.dtype
    if not isinstance(kind, pl.List | pl.Array) or not kind.inner.is_numeric():
        raise ConfigError(f"{WHERE}.{name}.kind=vector: the column is {kind}; lists of numbers are wanted")
    lists = column.cast(pl.List(pl.Float32))
    present = lists.is_not_null().to_numpy()
    widths = lists.list.len().drop_nulls().unique().sort().to_list()
    if len(widths) > 1 or widths == [0]:
        raise DataError(f"{name} has vectors of the widths {', '.join(map(str, widths))}; one width is wanted")
    flat = lists.drop_nulls().explode()
    values = np.zeros((len(column), widths[0] if widths else 1), np.float32)
    values[present] = flat.to_numpy().reshape(-1, values.shape[1])
    return values, present


def check_finite(name: str, values: Array, place: str = "row") -> None:
    """Refuse vectors that hold something else than finite numbers.

    Raises:
        DataError: names the first such row.
    """
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise DataError(f"{name}: {place} {bad[0]} holds NaN or infinity ({len(bad)} such rows); mend them")


def fit_vector(
    name: str, side: Side, values: Array, present: Array, in_train: Array, policy: ColumnPolicy, missing: Fill = "zero"
) -> tuple[Feature, str]:
    """A vector's feature, and what its missing values became.

    Args:
        name: of the column, for messages.
        side: whose it is.
        values: (n, D) float16 or float32.
        present: (n,) bool: which rows have one.
        in_train: (n,) bool: the rows that a mean is taken of.
        policy: checked for a vector.
        missing: how rows without a vector are filled where the policy does not say.

    Raises:
        DataError: a row without a vector where none may lack one; a number that is not finite.
    """
    check_finite(name, values[present])
    if policy.normalize == "l2":
        lengths = np.linalg.norm(values.astype(np.float32), axis=1, keepdims=True)
        values = (values / np.where(lengths > 0, lengths, 1)).astype(values.dtype)
    fill = policy.fill or missing
    absent = int((~present).sum())
    if absent and fill == "error":
        raise DataError(f"{name}: {absent} of {len(present)} {side}s have no vector; {WHERE}.{name}.fill=zero fills it")
    filled = np.zeros(values.shape[1], np.float32)
    if fill == "mean" and (present & in_train).any():
        filled = values[present & in_train].astype(np.float32).mean(axis=0)
    values = np.where(present[:, None], values, filled.astype(values.dtype))
    return Feature(FeatureSpec(side, "vector", 0, values.shape[1]), values), fill
