"""Base class of closed-form factor models scored by a dot product."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rexp.api import Capability, DataSpec, Query, RecommenderModule
from rexp.nn.dot import dot

if TYPE_CHECKING:
    import numpy as np


class Factors(RecommenderModule):
    """Vectors of users and items that a closed-form fit left behind: no gradient, no further options.

    Args:
        spec: of the data.
        factors: size of the vectors.
    """

    users: Tensor
    items: Tensor

    def __init__(self, spec: DataSpec, factors: int) -> None:
        super().__init__()
        self.register_buffer("users", torch.zeros(spec.n_users, factors))
        self.register_buffer("items", torch.zeros(spec.n_items, factors))

    def capabilities(self) -> frozenset[Capability]:
        """Closed form, and a dot product."""
        return frozenset(
            {Capability.CLOSED_FORM, Capability.SCORES_ALL_ITEMS, Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT}
        )

    def take(self, users: np.ndarray, items: np.ndarray) -> None:
        """Keep the (U, D) and (I, D) vectors of a fit; fewer columns than the model has are filled up with zeros."""
        for own, found in ((self.users, users), (self.items, items)):
            own.zero_()
            own[:, : found.shape[1]] = torch.from_numpy(found.astype("float32"))

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Scores of ``items`` (B,) or (B, K), in their shape."""
        vectors, rows = self.users[query.users], self.items[items]
        return dot(vectors, rows)

    def score_all(self, query: Query) -> Tensor:
        """(B, I) scores of the whole catalogue."""
        return self.users[query.users] @ self.items.T

    def user_embeddings(self, query: Query) -> Tensor:
        """(B, D)."""
        return self.users[query.users]

    def item_embeddings(self) -> Tensor:
        """(I, D)."""
        return self.items
