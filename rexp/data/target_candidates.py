"""Candidates of single test items: a list for each pair of a user and an item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rexp.data.types import Array


@dataclass(frozen=True)
class TargetCandidates:
    """A list a test item.

    Args:
        users, items: (L,) int32, each pair once, ascending by user and then by item: whose list it is, and which test
            item is ranked in it.
        candidates: (L, C) int32, padded with -1.
    """

    users: Array
    items: Array
    candidates: Array

    def of(self, users: Array, items: Array) -> Array:
        """(M, C) int32: the candidates of pairs (M,); all -1 for a pair that has no list."""
        # One past every item on either side, so that no pair is taken for another user's.
        width = int(max(self.items.max(initial=0), items.max(initial=0))) + 1
        known = self.users.astype(np.int64) * width + self.items
        wanted = users.astype(np.int64) * width + items
        place = np.searchsorted(known, wanted).clip(max=max(len(known) - 1, 0))
        found = np.full((len(wanted), self.candidates.shape[1]), -1, np.int32)
        if len(known):
            listed = known[place] == wanted
            found[listed] = self.candidates[place[listed]]
        return found
