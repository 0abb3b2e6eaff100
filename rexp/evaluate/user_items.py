"""Sets of items by user, queried in blocks of users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from rexp.data.split import Split
    from rexp.data.types import Array, Part


class UserItems:
    """The distinct items of every user in some parts of a split.

    Args:
        split: the split.
        parts: its parts; may be empty.
        device: where blocks are wanted.
        kept: (n_items,) bool, the items that count; None counts all.
    """

    def __init__(self, split: Split, parts: Sequence[Part], device: torch.device, kept: Array | None = None) -> None:
        offsets, items = split.user_items(parts)
        if kept is not None:
            counted = kept[items]
            offsets, items = np.concatenate([[0], np.cumsum(counted)])[offsets], items[counted]
        self.offsets = torch.as_tensor(offsets, device=device)
        self.items = torch.as_tensor(items, device=device)
        self.n_items = split.n_items

    @classmethod
    def of(cls, offsets: Array, items: Array, n_items: int, device: torch.device) -> Self:
        """Sets by any number, as CSR: ``offsets`` (n + 1,) int64, and items, ascending and distinct within a set."""
        sets = cls.__new__(cls)
        sets.offsets = torch.as_tensor(offsets, device=device)
        sets.items = torch.as_tensor(items, device=device)
        sets.n_items = n_items
        return sets

    @property
    def counts(self) -> Tensor:
        """(n_users,) int64: items of every user."""
        return self.offsets.diff()

    def block(self, users: Tensor) -> tuple[Tensor, Tensor]:
        """The items of ``users`` (B,) as pairs (row in the block, item), both (M,) int64, ascending."""
        starts = self.offsets[users]
        counts = self.offsets[users + 1] - starts
        rows = torch.repeat_interleave(torch.arange(len(users), device=users.device), counts)
        within = torch.arange(len(rows), device=users.device) - (counts.cumsum(0) - counts)[rows]
        return rows, self.items[starts[rows] + within].long()

    def flat(self, users: Tensor) -> Tensor:
        """(M,) int64: the same pairs as ascending positions in a flattened (B, n_items) matrix."""
        rows, items = self.block(users)
        return rows * self.n_items + items

    def contains(self, users: Tensor, items: Tensor) -> Tensor:
        """(B, K) bool: whether ``items`` (B or 1, K), -1 for none, are in the sets of ``users`` (B,)."""
        known = self.flat(users)
        wanted = torch.arange(len(users), device=users.device).unsqueeze(1) * self.n_items + items
        if len(known) == 0:
            return torch.zeros_like(wanted, dtype=torch.bool)
        nearest = torch.searchsorted(known, wanted).clamp_(max=len(known) - 1)
        return (known[nearest] == wanted) & (items >= 0)
