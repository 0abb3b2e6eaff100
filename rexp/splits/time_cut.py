"""One cut in time for all users: the only split without a look into the future."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from rexp.api import SplitRows
from rexp.errors import DataError

if TYPE_CHECKING:
    from rexp.data.interactions import Interactions
    from rexp.data.types import Array


@dataclass(frozen=True)
class TimeCutConfig:
    """Options of :class:`TimeCut`.

    Args:
        by: ``quantile`` cuts by the shares below, ``time`` at the times below.
        valid: share of the interactions for validation, the ones just before the test.
        test: share of the interactions for the test, the latest ones.
        valid_from: with ``by=time``: the first time of validation, in unix seconds (in the data's own unit where its
            times are other numbers); null for none.
        test_from: with ``by=time``: the first time of the test.
        cold_users: ``drop`` leaves users without a training row out of validation and test, ``keep`` tests them too.
    """

    by: Literal["quantile", "time"] = "quantile"
    valid: float = 0.1
    test: float = 0.1
    valid_from: int | float | None = None
    test_from: int | float | None = None
    cold_users: Literal["drop", "keep"] = "drop"

    def __post_init__(self) -> None:
        if not (self.test > 0 and self.valid >= 0 and self.test + self.valid < 1):
            raise ValueError(f"test={self.test} and valid={self.valid} are shares; together below 1, test above 0")
        if self.by == "time" and self.test_from is None:
            raise ValueError("by=time needs test_from (unix seconds)")
        if self.by == "quantile" and (self.test_from, self.valid_from) != (None, None):
            raise ValueError("test_from and valid_from are times; set by=time")
        if self.test_from is not None and self.valid_from is not None and self.valid_from >= self.test_from:
            raise ValueError(f"valid_from={self.valid_from} must be before test_from={self.test_from}")


class TimeCut:
    """Global time cut: train < validation < test in time, whoever the user is. Needs times, not per-user orders."""

    Config: ClassVar[type] = TimeCutConfig
    needs_clock: ClassVar[bool] = True

    def __init__(self, config: TimeCutConfig) -> None:
        self.config = config

    def split(self, interactions: Interactions) -> SplitRows:
        """Masks of the rows; dropped users' later rows are in no part. Rows of one time stay together."""
        times = interactions.times
        if times is None:
            raise DataError("data.split=time_cut needs times; set data.columns.time, or take data/split=ratio")
        valid_from, test_from = self._cuts(np.sort(times), interactions.ticks)
        test = times >= test_from
        valid = ~test & (times >= valid_from)
        train = ~test & ~valid
        if self.config.cold_users == "drop":
            users = interactions.users
            warm = np.bincount(users[train], minlength=int(users.max(initial=0)) + 1)[users] > 0
            test, valid = test & warm, valid & warm
        return SplitRows(train, valid, test)

    def _cuts(self, ordered: Array, ticks: int) -> tuple[float, float]:
        """The first times of validation and of test, in the unit of the interactions."""
        config, last = self.config, len(ordered) - 1
        if config.by == "time" and config.test_from is not None:
            valid_from = config.test_from if config.valid_from is None else config.valid_from
            return valid_from * ticks, config.test_from * ticks
        valid_row, test_row = (round((1 - share) * len(ordered)) for share in (config.valid + config.test, config.test))
        return ordered[min(last, valid_row)].item(), ordered[min(last, test_row)].item()
