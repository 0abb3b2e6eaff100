"""Several teachers as one model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from rexp.api import Capability, Query, RecommenderModule
from rexp.api.model import HISTORY_LENGTH


class Ensemble(RecommenderModule):
    """The weighted mean of several models' logits.

    Its vectors are the members' side by side, each multiplied by the root of its weight, so that dot products of them
    are the weighted mean of the members'.

    Args:
        members: finished models.
        weights: one a member, summing to 1. Logits of models with different losses differ in size, and so does then
            what each of them contributes.
    """

    way = "mean"

    def __init__(self, members: Sequence[RecommenderModule], weights: Sequence[float]) -> None:
        super().__init__()
        self.members, self.weights = cast("Sequence[RecommenderModule]", nn.ModuleList(members)), list(weights)
        lengths = [HISTORY_LENGTH.of(model) for model in members if Capability.SEQUENTIAL in model.capabilities()]
        bounded = [length for length in lengths if length is not None]
        self.history_length = max(bounded, default=None) if len(bounded) == len(lengths) else None

    def capabilities(self) -> frozenset[Capability]:
        """Capabilities common to all members; it reads histories and contexts if any member does."""
        own = [model.capabilities() for model in self.members]
        shared = frozenset.intersection(*own) & {
            Capability.HAS_EMBEDDINGS,
            Capability.DOT_PRODUCT,
            Capability.SCORES_ALL_ITEMS,
        }
        return shared | (frozenset.union(*own) & {Capability.SEQUENTIAL, Capability.READS_CONTEXT})

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Logits of ``items`` (B,) or (B, K), in their shape."""
        return self._mean(model.score(self._of(model, query), items) for model in self.members)

    def score_all(self, query: Query) -> Tensor:
        """(B, I) logits of the catalogue; where every member has them."""
        return self._mean(model.score_all(self._of(model, query)) for model in self.members)

    def user_embeddings(self, query: Query) -> Tensor:
        """(B, D) vectors, D the sum of the members'."""
        vectors = [model.user_embeddings(self._of(model, query)) for model in self.members]
        return self._side_by_side(vectors)

    def item_embeddings(self) -> Tensor:
        """(I, D) vectors, D the sum of the members'."""
        return self._side_by_side([model.item_embeddings() for model in self.members])

    def _mean(self, scores: Any) -> Tensor:
        return torch.stack([weight * part for weight, part in zip(self.weights, scores, strict=True)]).sum(0)

    def _side_by_side(self, vectors: Sequence[Tensor]) -> Tensor:
        return torch.cat([weight**0.5 * part for weight, part in zip(self.weights, vectors, strict=True)], dim=1)

    @staticmethod
    def _of(model: Any, query: Query) -> Query:
        """The query as a member may read it: its own length of history, or none."""
        if query.history is None:
            return query
        if Capability.SEQUENTIAL not in model.capabilities():
            return replace(query, history=None)
        length = model.history_length
        return query if length is None else replace(query, history=query.history[:, -length:])
