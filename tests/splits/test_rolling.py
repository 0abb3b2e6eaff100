"""Rolling time windows, by hand and by what holds of any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rexp.data.interactions import Interactions
from rexp.errors import DataError
from rexp.splits.rolling import Rolling, RollingConfig

if TYPE_CHECKING:
    from rexp.api import SplitRows

# Ten rows of two users; their times are 0 .. 9.
USERS = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1], np.int32)
TIMES = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9], np.int64)
DATA = Interactions(USERS, np.arange(10, dtype=np.int32), times=TIMES)


def fold(number: int, data: Interactions = DATA, **options: Any) -> SplitRows:
    return Rolling(RollingConfig(**{"folds": 2, **options}, fold=number)).split(data)


def times(mask: np.ndarray[Any, Any]) -> list[int]:
    return sorted(TIMES[mask].tolist())


def test_windows_by_hand() -> None:
    first, second = fold(0, start=0.6), fold(1, start=0.6)
    assert (times(first.train), times(first.test)) == ([0, 1, 2, 3, 4, 5], [6, 7])
    assert (times(second.train), times(second.test)) == ([0, 1, 2, 3, 4, 5, 6, 7], [8, 9])
    assert not first.valid.any()


def test_the_window_before_validates() -> None:
    first, second = fold(0, start=0.4, valid=True), fold(1, start=0.4, valid=True)
    assert (times(first.train), times(first.valid), times(first.test)) == ([0, 1, 2, 3], [4, 5], [6, 7])
    assert (times(second.train), times(second.valid), times(second.test)) == ([0, 1, 2, 3, 4, 5], [6, 7], [8, 9])


def test_no_training_row_is_later_than_a_tested_one_and_every_late_row_is_tested_once() -> None:
    random = np.random.default_rng(0)
    users = np.sort(random.integers(0, 30, 2000)).astype(np.int32)
    data = Interactions(users, users, times=random.integers(0, 300, 2000))
    tested = np.zeros(2000, int)
    for number in range(5):
        parts = Rolling(RollingConfig(fold=number, cold_users="keep", valid=True)).split(data)
        assert data.times[parts.train].max() < data.times[parts.valid].min()
        assert data.times[parts.valid].max() < data.times[parts.test].min()
        tested += parts.test
    assert set(tested) == {0, 1}
    assert (tested == 1).sum() == (data.times >= data.times[tested == 1].min()).sum()


def test_a_user_without_a_training_row_is_left_out_or_kept() -> None:
    data = Interactions(np.array([0] * 8 + [1, 1], np.int32), DATA.items, times=np.arange(10))
    assert times_of(fold(1, data, start=0.6).test) == []
    assert times_of(fold(1, data, start=0.6, cold_users="keep").test) == [8, 9]


def times_of(mask: np.ndarray[Any, Any]) -> list[int]:
    return np.flatnonzero(mask).tolist()


@pytest.mark.parametrize("options", [{"folds": 1}, {"folds": 2, "fold": 2}, {"start": 0.0}, {"start": 1.0}])
def test_impossible_windows_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|is a share"):
        RollingConfig(**options)


def test_too_few_times_or_none_are_said() -> None:
    with pytest.raises(DataError, match="too few for 5 windows after a start"):
        fold(0, Interactions(USERS, DATA.items, times=TIMES // 4), folds=5)
    with pytest.raises(DataError, match="needs times"):
        fold(0, Interactions(USERS, DATA.items))
