"""Rolling time windows: each fold trains on everything before a cut and tests the window after it."""

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
class RollingConfig:
    """Options of :class:`Rolling`.

    Args:
        folds: windows that are tested in turn, of about as many interactions each.
        fold: the one that is tested, from 0, the earliest.
        start: share of the interactions before the first window.
        valid: the window before the tested one is for validation, for which there is one window more.
        cold_users: ``drop`` leaves users without a training row out of validation and test, ``keep`` tests them too.
    """

    folds: int = 5
    fold: int = 0
    start: float = 0.5
    valid: bool = False
    cold_users: Literal["drop", "keep"] = "drop"

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise ValueError(f"folds={self.folds} must be 2 or more")
        if not 0 <= self.fold < self.folds:
            raise ValueError(f"fold={self.fold} must be between 0 and {self.folds - 1}, as folds={self.folds}")
        if not 0 < self.start < 1:
            raise ValueError(f"start={self.start} is a share, above 0 and below 1")


class Rolling:
    """Rolling-origin evaluation with a growing training part (Tashman, International Journal of Forecasting 2000).

    The cuts are quantiles of the times, so rows of one time stay together. What is later than the tested window is in
    no part. Needs times, not orders inside users.
    """

    Config: ClassVar[type] = RollingConfig
    needs_clock: ClassVar[bool] = True
    chronological: ClassVar[bool] = True

    def __init__(self, config: RollingConfig) -> None:
        self.config = config

    def split(self, interactions: Interactions) -> SplitRows:
        """Masks of the rows.

        Raises:
            DataError: there are no times, or fewer distinct ones than windows.
        """
        config, times = self.config, interactions.times
        if times is None:
            raise DataError("data.split=rolling needs times; set data.columns.time, or take data/split=kfold")
        window = np.searchsorted(self._cuts(np.sort(times)), times, side="right") - 1  # -1 before the first one
        tested = config.fold + config.valid
        train = window < config.fold
        valid = (window == config.fold) & config.valid
        test = window == tested
        if config.cold_users == "drop":
            users = interactions.users
            warm = np.bincount(users[train], minlength=int(users.max(initial=0)) + 1)[users] > 0
            test, valid = test & warm, valid & warm
        return SplitRows(train, valid, test)

    def _cuts(self, ordered: Array) -> Array:
        """(W,): the first time of each window, ascending."""
        config = self.config
        n_windows = config.folds + config.valid
        shares = config.start + (1 - config.start) * np.arange(n_windows) / n_windows
        cuts: Array = ordered[np.minimum(len(ordered) - 1, np.round(shares * len(ordered)).astype(np.int64))]
        if len(np.unique(cuts)) < n_windows or cuts[0] == ordered[0]:
            raise DataError(
                f"data.split.folds={config.folds}: the times of the data are too few for {n_windows} windows after a "
                f"start of {config.start:g}; take fewer folds"
            )
        return cuts
