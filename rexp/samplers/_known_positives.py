"""Membership test for training pairs, vectorized over millions of (user, item) pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rexp.errors import DataError

if TYPE_CHECKING:
    from rexp.data.split import Split

BITMAP_BYTES = 64 * 2**20
"""A table of one byte a pair is used up to this size; beyond it, a search among the sorted known pairs."""


class KnownPositives:
    """The training part's pairs.

    Args:
        split: its training part counts, repeats once.
        bitmap_bytes: largest table of users x items.
    """

    def __init__(self, split: Split, bitmap_bytes: int = BITMAP_BYTES) -> None:
        self.n_items, self.user_name = split.n_items, split.user_name
        self.offsets, items = split.user_items(["train"])
        users = torch.arange(split.n_users).repeat_interleave(torch.from_numpy(self.offsets).diff())
        self.keys = users * split.n_items + torch.from_numpy(items)  # ascending
        self.table: Tensor | None = None
        if split.n_users * split.n_items <= bitmap_bytes:
            self.table = torch.zeros(split.n_users * split.n_items, dtype=torch.bool)
            self.table[self.keys] = True

    def contains(self, users: Tensor, items: Tensor) -> Tensor:
        """Whether each of ``items`` is a known positive of its user; both broadcast to one shape, the answer has it."""
        if self.table is not None:
            # 32-bit keys halve the traffic; the table's bound keeps them in range.
            keys = users.int() * self.n_items + items.int()
            self.table = self.table.to(keys.device)
            return self.table.index_select(0, keys.flatten()).view(keys.shape)
        keys = users.long() * self.n_items + items
        self.keys = self.keys.to(keys.device)
        if not len(self.keys):
            return torch.zeros_like(keys, dtype=torch.bool)
        places = torch.searchsorted(self.keys, keys).clamp_(max=len(self.keys) - 1)
        return self.keys[places] == keys

    def refuse_full_users(self, drawable: Tensor, sampler: str) -> None:
        """Stop where a user has no negative.

        Args:
            drawable: (n_items,) bool: items that the sampler draws at all.
            sampler: its name, for the message.

        Raises:
            DataError: a user whose positives are all that can be drawn.
        """
        hits = torch.cat([torch.zeros(1, dtype=torch.int64), drawable[self.keys % self.n_items].cumsum(0)])
        drawn = hits[torch.from_numpy(self.offsets)].diff()
        full = (drawn >= int(drawable.sum())).nonzero().squeeze(1)
        if len(full):
            first = self.user_name(int(full[0]))
            raise DataError(
                f"sampler={sampler} finds no negative for {len(full)} users (the first: {first}), who took every item "
                "that can be drawn; set sampler.reject=false or filter these users"
            )
