"""Candidate sources for a block of users: the whole catalog, or given and sampled candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rexp.evaluate.protocols.sampled_candidates import ProvidedNegatives, SampledNegatives, with_targets
from rexp.evaluate.scoring import pairs_in
from rexp.evaluate.topk import NEVER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexp.evaluate.scoring import Scorer
    from rexp.evaluate.user_items import UserItems

BYTES_A_SCORE = 48
"""What one score of the catalogue costs at most beside the model: the score, its key for ties, and copies of both."""
MOST_USERS = 256
"""Users in a block at most: more is no faster, since the scores leave the processor's cache."""


class FullCatalog:
    """Every item of the catalogue that the mask leaves.

    Args:
        mask: what is never recommended to its user.
        outside: (M,) items that are not in the catalogue.
        block_bytes: bound on what is held at once.
    """

    def __init__(self, mask: UserItems, outside: Tensor, block_bytes: int) -> None:
        self.mask, self.outside = mask, outside
        self.items = torch.arange(mask.n_items, device=outside.device).unsqueeze(0)
        self.width = mask.n_items - len(outside)
        self.block = min(MOST_USERS, max(1, block_bytes // (BYTES_A_SCORE * mask.n_items)))

    def scores(
        self, scorer: Scorer, users: Tensor, lists: Tensor | None = None, features: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Scores (B, I) for users in their contexts, -inf where an item is not recommended, and the items (1, I) they
        belong to."""
        scores = scorer.catalogue(users, features)
        scorer.reject_nan(scores, users)
        scores.index_fill_(1, self.outside, NEVER)
        scores.view(-1).index_fill_(0, self.mask.flat(users), NEVER)
        return scores, self.items


class CandidateSet:
    """Each user's candidates, united with the targets.

    Args:
        candidates: given or drawn ones.
        targets: the targets of each list.
        n_items: items of the vocabulary, all of which a draw may look at.
        block_bytes: bound on what is held at once.
    """

    def __init__(
        self, candidates: ProvidedNegatives | SampledNegatives, targets: UserItems, n_items: int, block_bytes: int
    ) -> None:
        self.candidates, self.targets = candidates, targets
        self.width = candidates.width + int(targets.counts.max())
        self.block = max(1, pairs_in(block_bytes) // self.width)
        if isinstance(candidates, SampledNegatives):
            self.block = min(self.block, max(1, block_bytes // (2 * BYTES_A_SCORE * n_items)))

    def scores(
        self, scorer: Scorer, users: Tensor, lists: Tensor | None = None, features: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Scores (B, C) of ``lists`` (B,) for their users in their contexts, -inf for padding, and the items (B, C)
        they belong to, ascending; None takes the users' numbers for those of their lists."""
        lists = users if lists is None else lists
        given = self.candidates.of(lists if self.candidates.by_list else users)
        items = with_targets(given, self.targets, lists, distinct=self.candidates.repeats)
        scores = scorer.pairs_of(users, items.clamp(min=0), features)
        scorer.reject_nan(scores, users)
        return scores.masked_fill_(items < 0, NEVER), items
