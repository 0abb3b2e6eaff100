"""Candidates retrieved from an index, for the protocol two_stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexp.evaluate.protocols.filtered_search import FilteredSearch
from rexp.evaluate.scoring import pairs_in
from rexp.evaluate.topk import NEVER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from rexp.evaluate.embeddings import ItemFeatureVectors, ModelVectors
    from rexp.evaluate.scoring import Scorer
    from rexp.evaluate.user_items import UserItems
    from rexp.retrieve.index_store import IndexFacts
    from rexp.retrieve.retrieval import Retrieval

MOST_USERS = 1024
"""Users in a block at most."""


class RetrievedCandidates:
    """Candidates of an index; :meth:`open` comes first, for each model whose vectors are indexed.

    Args:
        retrieval: which index, of what.
        mask: what is never recommended to its user.
        catalogue: (C,) int64, the items that can be recommended; no other is indexed.
        block_bytes: bound on what is held at once.
    """

    def __init__(self, retrieval: Retrieval, mask: UserItems, catalogue: Tensor, block_bytes: int) -> None:
        self.retrieval, self.mask, self.catalogue = retrieval, mask, catalogue
        self.width = min(retrieval.n_candidates, len(catalogue))
        self.block = min(MOST_USERS, max(1, pairs_in(block_bytes) // self.width))
        self.vectors: ModelVectors | ItemFeatureVectors
        self.finder: FilteredSearch

    def open(self, vectors: ModelVectors | ItemFeatureVectors) -> IndexFacts:
        """Index these vectors, or find the stored index of them; facts of the index."""
        self.vectors = vectors
        retriever, facts = self.retrieval.open(vectors.items()[self.catalogue].float().cpu().numpy())
        self.finder = FilteredSearch(retriever, self.catalogue, self.mask)
        return facts

    def candidates(self, users: Tensor) -> Tensor:
        """(B, N) int64 items, ascending, -1 in front where fewer are found: whom they are from does not show."""
        return self.finder.find(users, self.vectors.users(users), self.width).sort(dim=1).values

    def scores(
        self, scorer: Scorer, users: Tensor, lists: Tensor | None = None, features: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Scores (B, N), -inf for padding, and the items they belong to (B, N), ascending; one list a user, in its
        latest context."""
        items = self.candidates(users)
        return score_candidates(scorer, users, items), items


def score_candidates(scorer: Scorer, users: Tensor, items: Tensor) -> Tensor:
    """(B, N) scores of the second stage; -inf for padding."""
    scores = scorer.pairs_of(users, items.clamp(min=0))
    scorer.reject_nan(scores, users)
    return scores.masked_fill_(items < 0, NEVER)
