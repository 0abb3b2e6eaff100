"""Distinct ids of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

PLACES_AN_ID = 16
"""Up to so many possible ids for each that is given, marking them in a table is faster than sorting them."""


def distinct(ids: Tensor) -> Tensor:
    """Distinct ids, ascending.

    Args:
        ids: of any shape, int64; negative ones are padding.

    Returns:
        (A,) int64.

    >>> distinct(torch.tensor([[3, 1], [3, -1]]))
    tensor([1, 3])
    """
    ids = ids.flatten()
    size = int(ids.max()) + 1 if len(ids) else 0
    if size > PLACES_AN_ID * len(ids):
        found: Tensor = torch.unique(ids)
        return found[found >= 0]
    marked = torch.zeros(size + 1, dtype=torch.bool, device=ids.device)
    marked[ids] = True  # padding, -1, marks the place behind them
    return marked[:-1].nonzero().squeeze(1)
