"""Histories strictly before each training interaction, so that no target is in its own history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rexp.train.positives import as_tensor

if TYPE_CHECKING:
    from rexp.data.interactions import Interactions


class Histories:
    """The training part's sequences; its rows lie user by user, oldest first.

    Args:
        interactions: the training part.
        n_users: size of the vocabulary.
        length: the latest items that are kept.
    """

    def __init__(self, interactions: Interactions, n_users: int, length: int) -> None:
        self.starts = torch.from_numpy(interactions.offsets(n_users))
        self.items = as_tensor(interactions.items)
        self.length = length

    def before(self, users: Tensor, rows: Tensor) -> Tensor:
        """(B, length) int64: the items of ``users`` (B,) before their rows (B,), oldest first, padded with -1."""
        places = rows.long().unsqueeze(1) + torch.arange(-self.length, 0)
        known = places >= self.starts[users].unsqueeze(1)
        items = self.items.index_select(0, places.clamp_(min=0).flatten()).view(places.shape).long()
        return items.masked_fill_(~known, -1)

    def of_targets(self, values: Tensor, users: Tensor, rows: Tensor) -> Tensor:
        """(B, length) or (B, length, K): values by row, (N,) or (N, K), of the rows that follow each place of
        :meth:`before`; 0 where that is padding."""
        places = rows.long().unsqueeze(1) + torch.arange(-self.length, 0)
        known = places >= self.starts[users].unsqueeze(1)
        taken = values.index_select(0, (places + 1).clamp_(min=0).flatten()).view(*places.shape, *values.shape[1:])
        return taken * known.view(*known.shape, *[1] * (taken.dim() - 2))
