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

MOST_COLD = 0.1
"""``catalogue=auto``: share of items without a training interaction up to which all are drawn."""


@dataclass(frozen=True)
class UniformConfig:
    """Options of :class:`Uniform`.

    Args:
        n: negatives of each positive.
        catalogue: items that are drawn: ``all``; those of the ``train``ing part, so that others, whose rank content is
            to say, are not trained to be low; or ``auto``, ``all`` as in most publications, but ``train`` where more
            than a tenth of the items have no training interaction, as after ``data/split=cold``.
        reject: leave out the user's known positives.
        positives: every ``interactions`` once an epoch, or ``users`` uniformly and one item of each.
    """

    n: int = 4
    catalogue: Literal["auto", "train", "all"] = "auto"
    reject: bool = True
    positives: Literal["interactions", "users"] = "interactions"

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"n={self.n} must be 1 or more")


class Uniform:
    """Every item of the catalogue with the same probability, with replacement."""

    Config: ClassVar[type] = UniformConfig
    scope: Literal["batch", "chunk"] = "chunk"

    def __init__(self, config: UniformConfig, split: Split) -> None:
        self.n, self.positives = config.n, config.positives
        self.n_items = split.n_items
        self.drawable = torch.ones(split.n_items, dtype=torch.bool)
        self.trained: Tensor | None = None
        """Items that are drawn, where not all are."""
        trained = torch.from_numpy(split.in_catalogue("train"))
        cold = int(trained.logical_not().sum()) > MOST_COLD * split.n_items
        if config.catalogue == "train" or (config.catalogue == "auto" and cold):
            self.drawable, self.trained = trained, trained.nonzero().squeeze(1)
        self.known = KnownPositives(split) if config.reject else None
        if self.known is not None:
            self.known.refuse_full_users(self.drawable, "uniform")

    def sample(self, users: Tensor, positives: Tensor, generator: Generator) -> Negatives:
        """(B, n) items for ``users`` (B,)."""
        items = self._draw(len(users) * self.n, generator).view(len(users), self.n)
        if self.known is not None:
            reject_positives(items, users, self.known, self._draw, self.drawable.double(), generator)
        return Negatives(items)

    def _draw(self, count: int, generator: Generator) -> Tensor:
        if self.trained is None:
            return torch.randint(self.n_items, (count,), generator=generator, device=generator.device)
        self.trained = self.trained.to(generator.device)
        places = torch.randint(len(self.trained), (count,), generator=generator, device=generator.device)
        return self.trained[places]
