"""A share of every user's interactions for training, validation and test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from rexp.api import SplitRows
from rexp.splits._ranks import ranks_in_user

if TYPE_CHECKING:
    from rexp.data.interactions import Interactions


@dataclass(frozen=True)
class RatioConfig:
    """Options of :class:`Ratio`.

    Args:
        train, valid, test: shares of a user's interactions; together 1.
        order: ``chronological`` tests the latest ones, ``random`` draws them.
        seed: of the draw.
    """

    train: float = 0.8
    valid: float = 0.1
    test: float = 0.1
    order: Literal["random", "chronological"] = "random"
    seed: int = 0

    def __post_init__(self) -> None:
        shares = (self.train, self.valid, self.test)
        if min(shares) < 0 or abs(sum(shares) - 1) > 1e-6 or self.train == 0 or self.test == 0:
            raise ValueError(
                f"train={self.train}, valid={self.valid} and test={self.test} must sum to 1; only valid may be 0"
            )
        if self.seed < 0:
            raise ValueError(f"seed={self.seed} must not be negative")


class Ratio:
    """Per-user ratio. The numbers of valid and test rows are rounded down, so that every user keeps a training row."""

    Config: ClassVar[type] = RatioConfig

    def __init__(self, config: RatioConfig) -> None:
        self.config = config
        self.chronological = config.order == "chronological"

    def split(self, interactions: Interactions) -> SplitRows:
        """Masks of the rows; every row is in one part."""
        config = self.config
        ranks, counts = ranks_in_user(interactions, config.seed if config.order == "random" else None)
        # The tiny summand keeps 0.1 * 10 at 1 in floating point.
        n_test = np.floor(counts * config.test + 1e-9).astype(np.int64)
        n_valid = np.floor(counts * config.valid + 1e-9).astype(np.int64)
        from_end = counts - 1 - ranks
        test = from_end < n_test
        valid = ~test & (from_end < n_test + n_valid)
        return SplitRows(~test & ~valid, valid, test)
