"""Vector columns: one width, finite, filled where an id has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rexp.data.types import Array, Feature, FeatureSpec, Side
from rexp.errors import ConfigError, DataError
from rexp.prepare.features.policy import WHERE, ColumnPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from rexp.prepare.features.policy import Fill

BLOCK = 2**16
"""Rows that are looked at together."""


def as_vectors(name: str, column: pl.Series) -> tuple[Array, Array]:
    """A column of lists of numbers as (n, D) float32, zeros where there is none, and (n,) bool: where there is one.

    Raises:
        ConfigError: it holds no such lists.
        DataError: they are not of one width, or hold something else than finite numbers.
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
    check_finite(values, lambda row: f"{name}: row {row + 1}")
    return values, present


def check_finite(values: Array, where: Callable[[int], str]) -> None:
    """Refuse vectors that hold something else than finite numbers.

    Args:
        values: (n, D).
        where: names a row, for the message.

    Raises:
        DataError: names the first such row.
    """
    for start in range(0, len(values), BLOCK):
        bad = np.flatnonzero(~np.isfinite(values[start : start + BLOCK]).all(axis=1))
        if len(bad):
            raise DataError(f"{where(start + int(bad[0]))} has a vector with NaN or infinity; mend it")


def fit_vector(
    name: str, side: Side, values: Array, present: Array, in_train: Array, policy: ColumnPolicy, missing: Fill = "zero"
) -> tuple[Feature, str]:
    """A vector's feature, and what its missing values became.

    Args:
        name: of the column, for messages.
        side: whose it is.
        values: (n, D) float16 or float32, finite, zeros where there is none.
        present: (n,) bool: which rows have one.
        in_train: (n,) bool: the rows that a mean is taken of.
        policy: checked for a vector.
        missing: how rows without a vector are filled where the policy does not say.

    Raises:
        DataError: a row without a vector where none may lack one.
    """
    if policy.normalize == "l2":
        lengths = np.linalg.norm(values.astype(np.float32), axis=1, keepdims=True)
        values = (values / np.where(lengths > 0, lengths, 1)).astype(values.dtype)
    fill = policy.fill or missing
    absent = int((~present).sum())
    if absent and fill == "error":
        raise DataError(f"{name}: {absent} of {len(present)} {side}s have no vector; {WHERE}.{name}.fill=zero fills it")
    trained = present & in_train
    if absent and fill == "mean" and trained.any():
        values = np.where(present[:, None], values, values[trained].mean(axis=0, dtype=np.float32).astype(values.dtype))
    return Feature(FeatureSpec(side, "vector", 0, values.shape[1]), values), fill
