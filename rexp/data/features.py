"""Features of users and items as numeric arrays by dense id.

A column's type decides what becomes of it: numbers and times are numbers, text and truth values are categories, lists
of text or of whole numbers are sets, and so is text that holds several values divided by "|". Numbers that are codes
must therefore come as text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from rexp.data.types import Array, Feature, FeatureSpec, Side

if TYPE_CHECKING:
    import polars as pl

TITLE = "title"
"""The column that names a user or item on the screen; never a feature, however often a name is met."""

FREE_TEXT = 0.5
"""Text with more distinct values than this share of its known rows (titles, addresses, zip codes) is no category: most
of its values would be met only once."""


def read_features(users: pl.DataFrame, items: pl.DataFrame) -> dict[str, Feature]:
    """Every column that is a feature, by its side and name: ``user.age``, ``item.genres``.

    Args:
        users, items: one row an id in the order of the dense ids; the columns ``user`` and ``item`` are the ids.

    Returns:
        users' features, then items', each in the order of the table. Left out are titles, free text (``FREE_TEXT``),
        columns where nothing is known, and types that are none of the three kinds.
    """
    tables: dict[Side, pl.DataFrame] = {"user": users, "item": items}
    found = {
        f"{side}.{column}": _feature(side, table[column])
        for side, table in tables.items()
        for column in table.columns
        if column not in (side, TITLE)
    }
    return {name: feature for name, feature in found.items() if feature is not None}


class LazySpecs(Mapping[str, FeatureSpec]):
    """The specs of features that are read when somebody asks for them first.

    Args:
        read: gives the features; is called again every time, so it should remember them.
    """

    def __init__(self, read: Callable[[], Mapping[str, Feature]]) -> None:
        self.read = read

    def __getitem__(self, name: str) -> FeatureSpec:
        return self.read()[name].spec

    def __iter__(self) -> Iterator[str]:
        return iter(self.read())

    def __len__(self) -> int:
        return len(self.read())

    def __repr__(self) -> str:
        return repr(dict(self))


def _feature(side: Side, column: pl.Series) -> Feature | None:
    import polars as pl

    if column.dtype == pl.String and column.str.contains("|", literal=True).any():
        column = column.str.split("|")
    kind = column.dtype
    if column.null_count() == len(column):
        return None
    if kind.is_numeric() or kind.is_temporal():
        return Feature(FeatureSpec(side, "number", 0), _standardised(column))
    if isinstance(kind, pl.List) and (kind.inner == pl.String or kind.inner.is_integer()):
        values, cardinality = _sets(column)
        return Feature(FeatureSpec(side, "set", cardinality), values)
    if kind in (pl.String, pl.Categorical, pl.Enum, pl.Boolean):
        text = column.cast(pl.String).replace("", None)
        known = text.drop_nulls()
        if len(known) == 0 or (kind == pl.String and known.n_unique() > FREE_TEXT * len(known)):
            return None
        names = known.unique().sort()
        return Feature(FeatureSpec(side, "category", len(names) + 1), _codes(text, names))
    return None


def _standardised(column: pl.Series) -> Array:
    import polars as pl

    numbers = column.to_physical().cast(pl.Float64).to_numpy()
    known = np.isfinite(numbers)
    mean, deviation = (numbers[known].mean(), numbers[known].std()) if known.any() else (0.0, 0.0)
    # Rounding leaves a constant column a deviation just above 0.
    scale = deviation if deviation > 1e-12 * abs(mean) else 1.0
    values: Array = np.where(known, (np.where(known, numbers, mean) - mean) / scale, 0.0).astype(np.float32)
    return values


def _sets(column: pl.Series) -> tuple[Array, int]:
    """(n, K) codes, padded behind with 0, and the number of categories with the unknown one."""
    import polars as pl

    rows = pl.DataFrame({"name": column}).with_row_index("row").explode("name").drop_nulls()
    rows = rows.filter(pl.col("name").cast(pl.String) != "").unique().sort("row", "name")
    names = rows["name"].unique().sort()
    row = rows["row"].to_numpy().astype(np.int64)
    lengths = np.bincount(row, minlength=len(column))
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    values = np.zeros((len(column), max(1, int(lengths.max(initial=0)))), np.int64)
    values[row, place] = _codes(rows["name"], names)
    return values, len(names) + 1


def _codes(column: pl.Series, names: pl.Series) -> Array:
    """(n,) int64: each value's place among the sorted names, from 1; 0 for null."""
    import polars as pl

    table = pl.DataFrame({"name": names}).with_row_index("code", offset=1)
    frame = pl.DataFrame({"name": column})
    codes: Array = frame.join(table, on="name", how="left", maintain_order="left")["code"].fill_null(0).to_numpy()
    return codes.astype(np.int64)
