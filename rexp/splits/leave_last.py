"""Leave the last k interactions of every user out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from rexp.api import SplitRows
from rexp.splits._ranks import ranks_in_user

if TYPE_CHECKING:
    from rexp.data.interactions import Interactions


@dataclass(frozen=True)
class LeaveLastConfig:
    """Options of :class:`LeaveLast`.

    Args:
        k: last interactions of a user that are tested.
        valid: interactions before these that are for validation.
        gap: interactions left out between train and what follows.
        order: ``random`` draws the ones left out instead of taking the last (for data without times).
        seed: of that draw.
    """

    k: int = 1
    valid: int = 1
    gap: int = 0
    order: Literal["chronological", "random"] = "chronological"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.k < 1 or self.valid < 0 or self.gap < 0:
            raise ValueError(f"k={self.k} must be at least 1, valid={self.valid} and gap={self.gap} at least 0")
        if self.seed < 0:
            raise ValueError(f"seed={self.seed} must not be negative")


class LeaveLast:
    """Leave-k-out; users with too few interactions to keep one for training stay in train only."""

    Config: ClassVar[type] = LeaveLastConfig

    def __init__(self, config: LeaveLastConfig) -> None:
        self.config = config
        self.chronological = config.order == "chronological"

    def split(self, interactions: Interactions) -> SplitRows:
        """Masks of the rows; rows in the gap are in no part."""
        config = self.config
        ranks, counts = ranks_in_user(interactions, config.seed if config.order == "random" else None)
        from_end = counts - 1 - ranks
        enough = counts > config.k + config.valid + config.gap
        test = enough & (from_end < config.k)
        valid = enough & ~test & (from_end < config.k + config.valid)
        train = ~enough | (from_end >= config.k + config.valid + config.gap)
        return SplitRows(train, valid, test)
