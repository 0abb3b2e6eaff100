"""From the data's own ids to dense ones, in an order that does not depend on the order of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from rexp.data.types import Array


def build_vocabulary(columns: Sequence[pl.Series]) -> pl.Series:
    """The distinct ids of all columns, ascending; where all are whole numbers, as text or not, by their number, then as
    text."""
    if len({column.dtype for column in columns}) > 1:
        columns = [column.cast(pl.String) for column in columns]
    ids = pl.concat([column.unique().alias("id") for column in columns]).unique()
    if ids.dtype == pl.String and ids.str.contains(r"^-?\d{1,38}$").all():
        return pl.DataFrame({"id": ids}).sort(pl.col("id").cast(pl.Int128), "id")["id"]
    return ids.sort()


def encode(ids: pl.Series, vocabulary: pl.Series) -> Array:
    """(N,) int32: the place of every id in the vocabulary, which holds them all."""
    table = pl.DataFrame({"id": vocabulary}).with_row_index("code")
    frame = pl.DataFrame({"id": ids.cast(vocabulary.dtype)})
    codes = frame.join(table, on="id", how="left", maintain_order="left")["code"]
    return np.asarray(codes.to_numpy(), dtype=np.int32)
