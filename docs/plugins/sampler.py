"""Negatives out of the head of the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Generator, Tensor

from rexp.api import Negatives, Split


@dataclass(frozen=True)
class HeadConfig:
    """Options of :class:`Head`.

    Args:
        n: negatives of each positive.
        share: of the catalog that is drawn from, the most popular items first.
    """

    n: int = 4
    share: float = 0.2

    def __post_init__(self) -> None:
        if self.n < 1 or not 0 < self.share <= 1:
            raise ValueError("n must be 1 or more, and share above 0 and at most 1")


class Head:
    """Each of the most popular items is as likely; known positives may be drawn too."""

    Config: ClassVar[type] = HeadConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)
    positives: ClassVar[Literal["interactions"]] = "interactions"
    scope: ClassVar[Literal["chunk"]] = "chunk"

    def __init__(self, config: HeadConfig, split: Split) -> None:
        self.n = config.n
        order = np.argsort(-split.train_users_per_item, kind="stable")
        self.items = torch.from_numpy(order[: max(1, round(config.share * split.n_items))])

    def sample(self, users: Tensor, positives: Tensor, generator: Generator) -> Negatives:
        """(B, n) items for ``users`` (B,); chance comes from ``generator`` alone."""
        return Negatives(self.items[torch.randint(len(self.items), (len(users), self.n), generator=generator)])
