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
    """(n_items, F) float32: a column of numbers or lists of numbers as it is, texts as 0/1 columns.

    A text is divided at "|", as in MovieLens' genres; a list of texts has one column a text.

    Raises:
        ConfigError: the items have no such column.
    """

    table = split.items_table()
    if column not in table.columns:
        raise ConfigError(
            f"evaluate.item_features={column}: the items of '{split.name}' have no such column; "
            f"{did_you_mean(column, table.columns)}"
        )
    values = table[column]
    if values.dtype == pl.String:
        values = values.str.split("|")
    if isinstance(values.dtype, pl.List) and values.dtype.inner == pl.String:
        return _one_column_a_text(values.to_list())
    if isinstance(values.dtype, pl.List | pl.Array):
        return torch.tensor(values.to_list(), dtype=torch.float32)
    return torch.tensor(values.cast(pl.Float32).to_list(), dtype=torch.float32).unsqueeze(1)


def _one_column_a_text(texts: list[list[str] | None]) -> Tensor:
    column = {text: i for i, text in enumerate(sorted({t for row in texts for t in row or () if t}))}
    features = torch.zeros(len(texts), max(1, len(column)))
    for item, row in enumerate(texts):
        for text in row or ():
            if text:
                features[item, column[text]] = 1
    return features
