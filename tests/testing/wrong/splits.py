"""Splits that each break one rule."""

from __future__ import annotations

from typing import Any

import numpy as np

from rexp.api import (
    SplitRows,
)
from tests.testing.wrong.no_options import NoOptions


class RightSplit:
    """Every tenth row is tested."""

    Config = NoOptions

    def __init__(self, config: Any) -> None: ...

    def split(self, interactions: Any) -> SplitRows:
        tested = self.tested(interactions)
        return SplitRows(~tested, np.zeros(len(tested), bool), tested)

    def tested(self, interactions: Any) -> Any:
        return np.arange(len(interactions)) % 10 == 9


class Leaks(RightSplit):
    """split.rows-once"""

    def split(self, interactions: Any) -> SplitRows:
        tested = self.tested(interactions)
        return SplitRows(np.ones(len(tested), bool), np.zeros(len(tested), bool), tested)


class NothingTested(RightSplit):
    """split.trains"""

    def tested(self, interactions: Any) -> Any:
        return np.zeros(len(interactions), bool)


class OtherEachTime(RightSplit):
    """split.repeatable"""

    def tested(self, interactions: Any) -> Any:
        return np.random.default_rng().random(len(interactions)) < 0.3


class SortsItsInput(RightSplit):
    """split.inputs-kept"""

    def tested(self, interactions: Any) -> Any:
        interactions.items[:] = np.sort(interactions.items)
        return super().tested(interactions)


class NotChronological(RightSplit):
    """split.chronological"""

    chronological = True
