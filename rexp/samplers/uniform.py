"""Negatives drawn uniformly from the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Generator, Tensor

from rexp.api import Negatives
from rexp.samplers._known_positives import KnownPositives
from rexp.samplers._rejection import reject_positives

if TYPE_CHECKING:
    from rexp.data.split import Split


@dataclass(frozen=True)
class UniformConfig:
    """Options of :class:`Uniform`.

    Args:
        n: negatives of each positive.
        reject: leave out the user's known positives.
        positives: every ``interactions`` once an epoch, or ``users`` uniformly and one item of each.
    """

    n: int = 4
    reject: bool = True
    positives: Literal["interactions", "users"] = "interactions"

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"n={self.n} must be 1 or more")


class Uniform:
    """Every item with the same probability, with replacement."""

    Config: ClassVar[type] = UniformConfig
    scope: Literal["batch", "chunk"] = "chunk"

    def __init__(self, config: UniformConfig, split: Split) -> None:
        self.n, self.positives = config.n, config.positives
        self.n_items = split.n_items
        self.known = KnownPositives(split) if config.reject else None
        if self.known is not None:
            self.known.refuse_full_users(torch.ones(split.n_items, dtype=torch.bool), "uniform")

    def sample(self, users: Tensor, positives: Tensor, generator: Generator) -> Negatives:
        """(B, n) items for ``users`` (B,)."""
        items = self._draw(len(users) * self.n, generator).view(len(users), self.n)
        if self.known is not None:
            weights = torch.ones(self.n_items, dtype=torch.float64)
            reject_positives(items, users, self.known, self._draw, weights, generator)
        return Negatives(items)

    def _draw(self, count: int, generator: Generator) -> Tensor:
        return torch.randint(self.n_items, (count,), generator=generator, device=generator.device)
