"""Item features as rows to measure distances between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import torch
from torch import Tensor

from rexp.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from rexp.data.split import Split


def item_features(split: Split, column: str) -> Tensor:
    """(n_items, F) float32: a column of lists of numbers as it is, texts as 0/1 columns; zeros where an item has none.

    A text is divided at "|", as in MovieLens' genres; a list of texts has one column a text.

    Raises:
        ConfigError: the items have no such column, or it is of single numbers, between any two of which the cosine
            distance is 0 (or, of different signs, 2), or its vectors differ in length.
    """

    table = split.items_table()
    if column not in table.columns:
        raise ConfigError(
            f"evaluate.item_features={column}: the items of '{split.name}' have no such column; "
            f"{did_you_mean(column, table.columns)}"
        )
    values = table[column]
    if isinstance(values.dtype, pl.Categorical | pl.Enum):
        values = values.cast(pl.String)
    if values.dtype == pl.String:
        values = values.str.split("|")
    if isinstance(values.dtype, pl.List) and values.dtype.inner == pl.String:
        return _one_column_a_text(values.to_list())
    rows = values.to_list() if isinstance(values.dtype, pl.List | pl.Array) else []
    widths = {len(row) for row in rows if row is not None}
    if max(widths, default=0) < 2:
        raise ConfigError(
            f"evaluate.item_features={column}: between single numbers there is no angle to measure; name a column of "
            "texts, such as genres, or of vectors"
        )
    if len(widths) > 1:
        raise ConfigError(
            f"evaluate.item_features={column}: its vectors have {min(widths)} to {max(widths)} numbers; they must be "
            "of one length"
        )
    none = [0.0] * max(widths)
    return torch.tensor([none if row is None else [value or 0.0 for value in row] for row in rows], dtype=torch.float32)


def _one_column_a_text(texts: list[list[str] | None]) -> Tensor:
    column = {text: i for i, text in enumerate(sorted({t for row in texts for t in row or () if t}))}
    features = torch.zeros(len(texts), max(1, len(column)))
    for item, row in enumerate(texts):
        for text in row or ():
            if text:
                features[item, column[text]] = 1
    return features
