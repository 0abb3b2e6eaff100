"""Matrix factorization with a bias for every item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from rexp.api import Capability, DataSpec, Init, Query, RecommenderModule, embedding_table


@dataclass(frozen=True)
class BiasedMFConfig:
    """Options of :class:`BiasedMF`.

    Args:
        factors: size of the vectors.
    """

    factors: int = 32


class BiasedMF(RecommenderModule):
    """``p_u · q_i + b_i`` (Koren, Bell and Volinsky, Computer 2009)."""

    Config: ClassVar[type] = BiasedMFConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)

    def __init__(self, config: BiasedMFConfig, spec: DataSpec) -> None:
        super().__init__()
        self.users = embedding_table(spec.n_users, config.factors, Init())
        self.items = embedding_table(spec.n_items, config.factors, Init())
        self.bias = nn.Parameter(torch.zeros(spec.n_items))

    def capabilities(self) -> frozenset[Capability]:
        """What stages, retrievers and protocols may ask for besides ``score``."""
        return frozenset({Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT, Capability.SCORES_ALL_ITEMS})

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Scores of ``items`` (B,) or (B, K), in their shape."""
        users: Tensor = self.users(query.users)
        vectors = users if items.ndim == 1 else users.unsqueeze(1)
        scores: Tensor = (vectors * self.items(items)).sum(-1) + self.bias[items]
        return scores

    def score_all(self, query: Query) -> Tensor:
        """(B, I) scores of the whole catalog."""
        return self.user_embeddings(query) @ self.item_embeddings().T

    def user_embeddings(self, query: Query) -> Tensor:
        """(B, D + 1): the vector, and a 1 that meets the bias."""
        return torch.cat([self.users(query.users), torch.ones(len(query.users), 1, device=query.users.device)], 1)

    def item_embeddings(self) -> Tensor:
        """(I, D + 1): the vector and the bias."""
        return torch.cat([self.items.rows(), self.bias.unsqueeze(1)], 1)
