"""From the data's own ids to dense ones, in an order that does not depend on the order of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from rexp.data.types import Array

Side = Literal["user", "item"]
SIDES: tuple[Side, ...] = ("user", "item")


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


def number_ids(frames: Mapping[str, pl.DataFrame]) -> tuple[dict[str, pl.DataFrame], dict[Side, pl.Series]]:
    """The same frames with numbers for ids, the same ones in all, so that text is read once and never again.

    Returns:
        frames whose ``user`` and ``item`` are int32, and by side the id of each number, in no particular order.
    """
    numbered, known = dict(frames), {}
    ends = np.cumsum([len(frame) for frame in frames.values()])
    for side in SIDES:
        columns = [frame[side] for frame in frames.values()]
        if len({column.dtype for column in columns}) > 1:
            columns = [column.cast(pl.String) for column in columns]
        numbers, known[side] = _numbered(pl.concat(columns, rechunk=False) if len(columns) > 1 else columns[0])
        for name, part in zip(frames, np.split(numbers, ends[:-1]), strict=True):
            numbered[name] = numbered[name].with_columns(pl.Series(side, part))
    return numbered, known


def _numbered(ids: pl.Series) -> tuple[Array, pl.Series]:
    """(N,) int32 numbers of ids, and the id of each number."""
    if ids.dtype != pl.String:
        known = ids.unique()
        return encode(ids, known), known
    # Polars' own codes of text take a fifth of a join's time; they need not begin at 0 nor follow on one another.
    categories = ids.cast(pl.Categorical)
    distinct = categories.unique()
    places = distinct.to_physical().to_numpy()
    numbers = np.zeros(int(places.max(initial=0)) + 1, np.int32)
    numbers[places] = np.arange(len(places), dtype=np.int32)
    return numbers[categories.to_physical().to_numpy()], distinct.cast(pl.String)


def settle(
    frames: Mapping[str, pl.DataFrame], side: Side, known: pl.Series, beside: Sequence[pl.Series] = ()
) -> tuple[pl.Series, Array]:
    """The vocabulary of the ids that frames still hold.

    Args:
        frames: with numbers for ids.
        side: the column.
        known: the id of each number.
        beside: further columns of ids.

    Returns:
        the vocabulary, and (len(known),) int32, the dense id of each number; -1 of one that nobody holds.
    """
    held = np.zeros(len(known), bool)
    for frame in frames.values():
        held[frame[side].to_numpy()] = True
    numbers = np.flatnonzero(held)
    ids = known.gather(numbers)
    vocabulary = build_vocabulary([ids, *beside])
    dense = np.full(len(known), -1, np.int32)
    dense[numbers] = encode(ids, vocabulary)
    return vocabulary, dense
