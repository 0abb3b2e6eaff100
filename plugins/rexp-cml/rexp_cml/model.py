"""Collaborative Metric Learning (Hsieh et al., WWW 2017): users and items as points, preference as nearness."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from rexp.api import Batch, Capability, DataSpec, EmbeddingTable, Init, Query, embedding_table


@dataclass(frozen=True)
class CMLConfig:
    """Options of :class:`CML`.

    Args:
        factors: dimension of the space.
        covariance: weight of the penalty on correlated coordinates; 0 leaves it out.
    """

    factors: int = 32
    covariance: float = 1.0

    def __post_init__(self) -> None:
        if self.factors < 1:
            raise ValueError(f"factors={self.factors} must be at least 1")
        if self.covariance < 0:
            raise ValueError(f"covariance={self.covariance} must not be negative")


class CML(nn.Module):
    """The score of an item is minus its squared distance to the user (§3.1); both lie in the unit ball.

    The paper clips the tables after each step. Here a vector outside the ball is projected where it is read, which
    gives the same points and needs nothing of the trainer.
    """

    Config: ClassVar[type] = CMLConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)

    def __init__(self, config: CMLConfig, spec: DataSpec) -> None:
        super().__init__()
        self.covariance = config.covariance
        init = Init("normal", 1 / math.sqrt(config.factors))  # vectors of length about 1
        self.users = embedding_table(spec.n_users, config.factors, init)
        self.items = embedding_table(spec.n_items, config.factors, init)

    def capabilities(self) -> frozenset[Capability]:
        """Vectors, but no dot product: a nearest neighbor is what an index has to look for."""
        always = {Capability.HAS_EMBEDDINGS, Capability.SCORES_ALL_ITEMS}
        return frozenset(always | {Capability.REGULARIZED} if self.covariance else always)

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Minus the squared distance of each user to its ``items`` (B,) or (B, K), in their shape."""
        users = _points(self.users, query.users)
        if items.dim() == 2:
            users = users.unsqueeze(1)
        return -(users - _points(self.items, items)).square().sum(-1)

    def score_all(self, query: Query) -> Tensor:
        """(B, I): the same for the whole catalogue, by |u - i|^2 = |u|^2 - 2 u · i + |i|^2."""
        users, items = self.user_embeddings(query), self.item_embeddings()
        squares = users.square().sum(1, keepdim=True) + items.square().sum(1)
        return torch.addmm(squares, users, items.T, beta=-1, alpha=2)

    def user_embeddings(self, query: Query) -> Tensor:
        """(B, factors): the users' points."""
        return _points(self.users, query.users)

    def item_embeddings(self) -> Tensor:
        """(I, factors): the items' points."""
        return _in_unit_ball(self.items.rows())

    def penalty(self, batch: Batch) -> Tensor:
        """The squared covariances between coordinates over the points of the batch (the paper's §3.5), weighted."""
        points = torch.cat([_points(self.users, batch.query.users), _points(self.items, batch.items.flatten())])
        centred = points - points.mean(0)
        covariance = centred.T @ centred / len(points)
        return self.covariance * (covariance.square().sum() - covariance.diagonal().square().sum())


def _points(table: EmbeddingTable, ids: Tensor) -> Tensor:
    return _in_unit_ball(table(ids))


def _in_unit_ball(vectors: Tensor) -> Tensor:
    """Vectors longer than 1 are scaled to length 1."""
    lengths: Tensor = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return vectors / lengths.clamp(min=1)
