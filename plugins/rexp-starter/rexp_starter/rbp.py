"""Rank-biased precision (Moffat and Zobel, TOIS 2008)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor

if TYPE_CHECKING:
    from rexp.api import MetricContext, Ties, TopKLists


@dataclass(frozen=True)
class RBPConfig:
    """Options of :class:`RBP`.

    Args:
        persistence: p, the probability that a user who looked at an item looks at the next one too.
    """

    persistence: float = 0.8

    def __post_init__(self) -> None:
        if not 0 <= self.persistence < 1:
            raise ValueError(f"persistence={self.persistence} must be at least 0 and below 1")


class RBP:
    """``rbp@k = (1 - p) sum_r hit(r) p^(r - 1)``: the rate at which a user meets relevant items (their equation 4).

    It does not divide by what could be reached: a user with one relevant item has at most ``1 - p``.
    """

    Config: ClassVar[type] = RBPConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)
    kind: ClassVar[Literal["users"]] = "users"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, config: RBPConfig, context: MetricContext) -> None:
        self.persistence = config.persistence

    def per_user(self, lists: TopKLists, k: int) -> Tensor:
        """(B,) float64."""
        return self._of(lists.hits[:, :k].double())

    def expected(self, lists: TopKLists, ties: Ties, k: int) -> Tensor:
        """(B,) float64: the mean over all orders of equal scores; in any of them a place holds a relevant item with the
        share of these in its group."""
        return self._of(ties.relevant[:, :k].double() / ties.size[:, :k])

    def _of(self, hits: Tensor) -> Tensor:
        ranks = torch.arange(hits.shape[1], dtype=torch.float64, device=hits.device)
        return (1 - self.persistence) * (hits * self.persistence**ranks).sum(1)
