"""Samplers that each break one rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rexp.api import (
    Negatives,
)
from tests.testing.wrong.no_options import NoOptions


@dataclass(frozen=True)
class Rejecting:
    """One option."""

    reject: bool = False


class RightSampler:
    """Uniform draws, with their probability."""

    Config: Any = NoOptions
    positives, scope, n = "interactions", "chunk", 3

    def __init__(self, config: Any, split: Any) -> None:
        self.n_items = split.n_items

    def sample(self, users: Tensor, positives: Tensor, generator: Any) -> Negatives:
        return Negatives(torch.randint(self.n_items, (len(users), self.n), generator=generator))

    def log_q(self, items: Tensor) -> Tensor:
        return torch.full(items.shape, -float(np.log(self.n_items)))


class OneColumnTooMany(RightSampler):
    """sampler.shape"""

    def sample(self, users: Tensor, positives: Tensor, generator: Any) -> Negatives:
        return Negatives(torch.randint(self.n_items, (len(users), self.n + 1), generator=generator))


class BeyondTheCatalog(RightSampler):
    """sampler.in-range"""

    def sample(self, users: Tensor, positives: Tensor, generator: Any) -> Negatives:
        return Negatives(1 + torch.randint(self.n_items, (len(users), self.n), generator=generator))


class GlobalChance(RightSampler):
    """sampler.by-generator"""

    def sample(self, users: Tensor, positives: Tensor, generator: Any) -> Negatives:
        return Negatives(torch.randint(self.n_items, (len(users), self.n)))


class NeverRejects(RightSampler):
    """sampler.rejects"""

    @dataclass(frozen=True)
    class Config:  # type: ignore[no-redef]
        """On by default."""

        reject: bool = True


class OtherLaw(RightSampler):
    """sampler.frequencies"""

    def log_q(self, items: Tensor) -> Tensor:
        shares = torch.arange(1, self.n_items + 1).double()
        return (shares / shares.sum()).log()[items]


class NoLaw(RightSampler):
    """sampler.log-q"""

    def log_q(self, items: Tensor) -> Tensor:
        return torch.full(items.shape, -1.0)
