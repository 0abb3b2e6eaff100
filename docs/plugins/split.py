"""A cut in time with a gap before the test part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from rexp.api import DataError, Interactions, SplitRows


@dataclass(frozen=True)
class GapCutConfig:
    """Options of :class:`GapCut`.

    Args:
        train, test: shares of the time that the data span, from its beginning and from its end; what lies between
            them is in no part.
    """

    train: float = 0.7
    test: float = 0.2

    def __post_init__(self) -> None:
        if not (self.train > 0 and self.test > 0 and self.train + self.test <= 1):
            raise ValueError("train and test must be above 0, and at most 1 together")


class GapCut:
    """What is known of today is not yet known to the model that serves today: the gap is the delay of training."""

    Config: ClassVar[type] = GapCutConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)
    needs_clock: ClassVar[bool] = True
    chronological: ClassVar[bool] = True

    def __init__(self, config: GapCutConfig) -> None:
        self.config = config

    def split(self, interactions: Interactions) -> SplitRows:
        """Masks of the rows.

        Raises:
            DataError: the data has no times.
        """
        times = interactions.times
        if times is None:
            raise DataError("data/split=gap_cut needs times; take data/split=ratio")
        first, span = times.min(), times.max() - times.min()
        early, late = times < first + self.config.train * span, times >= first + (1 - self.config.test) * span
        return SplitRows(early, np.zeros(len(interactions), bool), late & ~early)
