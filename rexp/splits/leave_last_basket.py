"""Leave the last k baskets of every user out: all that a user took at one time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from rexp.api import SplitRows
from rexp.errors import DataError

if TYPE_CHECKING:
    from rexp.data.interactions import Interactions
    from rexp.data.types import Array


@dataclass(frozen=True)
class LeaveLastBasketConfig:
    """Options of :class:`LeaveLastBasket`.

    Args:
        k: last baskets of a user that are tested.
        valid: baskets before these that are for validation.
        gap: baskets left out between train and what follows.
        window: seconds of dates, or the data's own unit where its times are other numbers; a row at most this long
            after the user's row before is in the same basket, so that 0 takes equal times alone.
    """

    k: int = 1
    valid: int = 1
    gap: int = 0
    window: int = 0

    def __post_init__(self) -> None:
        if self.k < 1 or min(self.valid, self.gap, self.window) < 0:
            raise ValueError(
                f"k={self.k} must be at least 1, valid={self.valid}, gap={self.gap} and window={self.window} at least 0"
            )


class LeaveLastBasket:
    """Leave-k-baskets-out; users with too few baskets to keep one for training stay in train only."""

    Config: ClassVar[type] = LeaveLastBasketConfig
    chronological: ClassVar[bool] = True

    def __init__(self, config: LeaveLastBasketConfig) -> None:
        self.config = config
        self.needs_clock = config.window > 0

    def split(self, interactions: Interactions) -> SplitRows:
        """Masks of the rows; rows of the gap's baskets are in no part.

        Raises:
            DataError: the data has no times.
        """
        config = self.config
        baskets, last = self._baskets(interactions)
        from_end = last - baskets
        enough = last + 1 > config.k + config.valid + config.gap
        test = enough & (from_end < config.k)
        valid = enough & ~test & (from_end < config.k + config.valid)
        train = ~enough | (from_end >= config.k + config.valid + config.gap)
        return SplitRows(train, valid, test)

    def _baskets(self, interactions: Interactions) -> tuple[Array, Array]:
        """The basket of every row among its user's, from 0, and the number of the user's last one; (N,) int64 each."""
        users, times = interactions.users, interactions.times
        if times is None:
            raise DataError(
                "data.split=leave_last_basket needs times; set data.columns.time, or take data/split=leave_last"
            )
        starts = np.flatnonzero(np.diff(users, prepend=-1))
        begins = np.diff(times, prepend=times[:1]) > self.config.window * interactions.ticks
        begins[starts] = True
        counted = np.cumsum(begins)
        lengths = np.diff(starts, append=len(users))
        baskets: Array = counted - np.repeat(counted[starts], lengths)
        return baskets, np.repeat(baskets[starts + lengths - 1], lengths)
