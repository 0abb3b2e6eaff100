"""Negatives drawn by a power of their popularity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Generator, Tensor

from rexp.api import Negatives
from rexp.errors import DataError
from rexp.samplers._known_positives import KnownPositives
from rexp.samplers._rejection import reject_positives

if TYPE_CHECKING:
    from rexp.data.split import Split


@dataclass(frozen=True)
class PopularityConfig:
    """Options of :class:`Popularity`.

    Args:
        n: negatives of each positive.
        exponent: the power: 0 is uniform over the items seen in training, 0.75 word2vec's, 1 the popularity itself.
        reject: leave out the user's known positives.
        correct: tell the loss each item's log-probability (the logQ correction), before any rejection.
        positives: every ``interactions`` once an epoch, or ``users`` uniformly and one item of each.
    """

    n: int = 4
    exponent: float = 0.75
    reject: bool = True
    correct: bool = True
    positives: Literal["interactions", "users"] = "interactions"

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"n={self.n} must be 1 or more")


class Popularity:
    """An item with a probability as its number of training users to a power, with replacement; never an unseen one."""

    Config: ClassVar[type] = PopularityConfig
    scope: Literal["batch", "chunk"] = "chunk"

    def __init__(self, config: PopularityConfig, split: Split) -> None:
        self.n, self.positives, self.correct = config.n, config.positives, config.correct
        counts = torch.from_numpy(split.train_users_per_item).double()
        if not counts.any():
            raise DataError("sampler=popularity has no training interaction to count; take sampler=uniform")
        weights = counts.pow(config.exponent).where(counts > 0, 0.0)
        self.probabilities = weights / weights.sum()
        self.cumulative = self.probabilities.cumsum(0)
        # Rounding may leave the sum just below 1 and a draw beyond it; then the last item with a weight is meant.
        self.last = int(weights.nonzero()[-1])
        self.known = KnownPositives(split) if config.reject else None
        if self.known is not None:
            self.known.refuse_full_users(weights > 0, "popularity")

    def sample(self, users: Tensor, positives: Tensor, generator: Generator) -> Negatives:
        """(B, n) items for ``users`` (B,), with their log-probabilities where ``correct``."""
        items = self._draw(len(users) * self.n, generator).view(len(users), self.n)
        if self.known is not None:
            reject_positives(items, users, self.known, self._draw, self.probabilities, generator)
        return Negatives(items, self.log_q(items) if self.correct else None)

    def log_q(self, items: Tensor) -> Tensor:
        """The float32 log-probability of drawing each of ``items``, in their shape; -inf for one never drawn."""
        return self.probabilities.to(items.device)[items].log().float()

    def _draw(self, count: int, generator: Generator) -> Tensor:
        chance = torch.rand(count, dtype=torch.float64, generator=generator, device=generator.device)
        found = torch.searchsorted(self.cumulative.to(chance.device), chance, right=True)
        return found.clamp_(max=self.last)
