"""Negatives by Zipf's law: the r-th most popular item with a probability in proportion to log((r + 1) / r)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import torch
from torch import Generator, Tensor

from rexp.api import DataError, Negatives

if TYPE_CHECKING:
    from rexp.api import Split


@dataclass(frozen=True)
class LogUniformConfig:
    """Options of :class:`LogUniform`.

    Args:
        n: negatives of each positive.
        correct: tell the loss each item's log-probability (the logQ correction).
    """

    n: int = 4
    correct: bool = True

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"n={self.n} must be 1 or more")


class LogUniform:
    """The law of TensorFlow's log_uniform_candidate_sampler, with ranks from the training part.

    ``P(r) = log((r + 1) / r) / log(R + 1)`` for the r-th of R items that somebody took, the most popular first and
    equally popular ones by their id. Draws are independent, with replacement, and may be known positives.
    """

    Config: ClassVar[type] = LogUniformConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)
    positives: ClassVar[Literal["interactions"]] = "interactions"
    scope: ClassVar[Literal["chunk"]] = "chunk"

    def __init__(self, config: LogUniformConfig, split: Split) -> None:
        self.n, self.correct = config.n, config.correct
        counts = split.train_users_per_item
        order = np.argsort(-counts, kind="stable")
        self.items = torch.from_numpy(order[: np.count_nonzero(counts)])
        if not len(self.items):
            raise DataError("sampler=log_uniform has no training interaction to rank by; take sampler=uniform")
        self.span = np.log(len(self.items) + 1)
        ranks = torch.arange(1, len(self.items) + 1, dtype=torch.float64)
        self.log_probabilities = torch.full((split.n_items,), -torch.inf)
        self.log_probabilities[self.items] = ((1 / ranks).log1p() / self.span).log().float()

    def sample(self, users: Tensor, positives: Tensor, generator: Generator) -> Negatives:
        """(B, n) items for ``users`` (B,), with their log-probabilities where ``correct``."""
        chance = torch.rand((len(users), self.n), dtype=torch.float64, generator=generator)
        # The inverse of the law's distribution function, log(r + 1) / log(R + 1); rounding must not leave the ranks.
        ranks = (chance * self.span).exp().long().clamp(1, len(self.items))
        items = self.items[ranks - 1]
        return Negatives(items, self.log_q(items) if self.correct else None)

    def log_q(self, items: Tensor) -> Tensor:
        """The float32 log-probability of drawing each of ``items``, in their shape; -inf for one never drawn."""
        return self.log_probabilities.to(items.device)[items]
