"""A linear layer over rows that are mostly zeros: weights of columns that no row has are not read."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

MOST = 0.5
"""Share of the columns up to which copying them out costs less than it saves."""


def columns_read(rows: Tensor) -> Tensor | None:
    """Columns (C,) in which one of ``rows`` (B, I), none of them negative, is not 0.

    None, for all of them, where they are more than half of I, or where counting them is in the way: beside the CPU,
    which it would wait for, and in a model that is traced, whose shapes must not depend on values.
    """
    if rows.device.type != "cpu" or torch.compiler.is_compiling():
        return None
    columns = rows.amax(0).nonzero().squeeze(1) if len(rows) else None
    return columns if columns is not None and len(columns) <= MOST * rows.shape[1] else None


def linear_of_columns(layer: nn.Module, rows: Tensor, columns: Tensor | None) -> Tensor:
    """``layer`` (I inputs) on ``rows`` (B, C), which hold ``columns`` (C,) alone, or (B, I) where they are None."""
    if columns is None:
        output: Tensor = layer(rows)
        return output
    assert isinstance(layer, nn.Linear)
    return F.linear(rows, layer.weight.index_select(1, columns), layer.bias)
