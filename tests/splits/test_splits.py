"""The splitters, as properties over random interactions and on rows written out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rexp.data.interactions import Interactions
from rexp.errors import ConfigError, DataError
from rexp.plugins.options import from_options
from rexp.splits.given import Given, GivenConfig
from rexp.splits.leave_last import LeaveLast, LeaveLastConfig
from rexp.splits.leave_last_basket import LeaveLastBasket, LeaveLastBasketConfig
from rexp.splits.ratio import Ratio, RatioConfig
from rexp.splits.time_cut import TimeCut, TimeCutConfig

if TYPE_CHECKING:
    from rexp.api import SplitRows, Splitter

ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40)), min_size=1, max_size=60)
SPLITTERS: dict[str, Splitter] = {
    "leave_last": LeaveLast(LeaveLastConfig(k=2, valid=1)),
    "leave_random": LeaveLast(LeaveLastConfig(order="random", seed=3)),
    "gap": LeaveLast(LeaveLastConfig(gap=2)),
    "leave_last_basket": LeaveLastBasket(LeaveLastBasketConfig()),
    "window": LeaveLastBasket(LeaveLastBasketConfig(k=2, window=3)),
    "ratio": Ratio(RatioConfig(0.5, 0.2, 0.3)),
    "ratio_in_time": Ratio(RatioConfig(0.5, 0.2, 0.3, order="chronological")),
    "time_cut": TimeCut(TimeCutConfig(valid=0.2, test=0.3)),
    "given": Given(GivenConfig(valid=2)),
}


def interactions(rows: list[tuple[int, int]]) -> Interactions:
    """Rows of (user, time), sorted as preparation sorts them; the item is the row's number."""
    table = np.array(sorted(rows), np.int64).reshape(-1, 2)
    return Interactions(
        table[:, 0].astype(np.int32), np.arange(len(table), dtype=np.int32), None, np.ascontiguousarray(table[:, 1])
    )


def stacked(parts: SplitRows) -> np.ndarray[Any, Any]:
    return np.stack([parts.train, parts.valid, parts.test])


@pytest.mark.parametrize("name", SPLITTERS)
@given(rows=ROWS)
def test_no_row_is_in_two_parts_and_none_is_lost_silently(name: str, rows: list[tuple[int, int]]) -> None:
    found = stacked(SPLITTERS[name].split(interactions(rows)))
    assert found.sum(0).max() <= 1
    if name not in ("gap", "time_cut"):  # the ones that leave rows out, as they say
        assert found.sum(0).min() == 1


@pytest.mark.parametrize("name", [name for name in SPLITTERS if name != "time_cut"])
@given(rows=ROWS)
def test_every_user_keeps_a_training_row(name: str, rows: list[tuple[int, int]]) -> None:
    data = interactions(rows)
    trained = data.users[SPLITTERS[name].split(data).train]
    assert set(trained.tolist()) == set(data.users.tolist())


@given(rows=ROWS, k=st.integers(1, 3), valid=st.integers(0, 3))
def test_leave_last_takes_the_latest(rows: list[tuple[int, int]], k: int, valid: int) -> None:
    data = interactions(rows)
    parts = LeaveLast(LeaveLastConfig(k=k, valid=valid)).split(data)
    for user in set(data.users.tolist()):
        own = np.flatnonzero(data.users == user)
        labels = "".join("TVE"[int(stacked(parts)[:, row].argmax())] for row in own)
        n = len(own)
        assert labels == ("T" * (n - k - valid) + "V" * valid + "E" * k if n > k + valid else "T" * n)


def labels(parts: SplitRows) -> str:
    """T, V or E of every row, and a dash for none."""
    return "".join("TVE"[column.argmax()] if column.any() else "-" for column in stacked(parts).T)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # User 0 has baskets at 1, 4 and 9; user 1 at 2 and 3; user 2 at 7 alone.
        ({}, "TTVEEE" + "TTT" + "TT"),
        ({"valid": 0}, "TTTEEE" + "TEE" + "TT"),
        ({"k": 2, "valid": 0}, "TTEEEE" + "TTT" + "TT"),
        ({"valid": 0, "gap": 1}, "TT-EEE" + "TTT" + "TT"),
        ({"valid": 0, "window": 1}, "TTTEEE" + "TTT" + "TT"),
        ({"valid": 0, "window": 3}, "TTTEEE" + "TTT" + "TT"),
        ({"valid": 0, "window": 5}, "TTTTTT" + "TTT" + "TT"),
    ],
)
def test_whole_baskets_are_left_out(options: dict[str, int], expected: str) -> None:
    data = interactions([(0, 1), (0, 1), (0, 4), (0, 9), (0, 9), (0, 9), (1, 2), (1, 3), (1, 3), (2, 7), (2, 7)])
    assert labels(LeaveLastBasket(LeaveLastBasketConfig(**options)).split(data)) == expected


def test_a_basket_goes_on_while_rows_follow_within_the_window() -> None:
    data = interactions([(0, 0), (0, 10), (0, 13), (0, 16), (0, 19)])
    found = {window: LeaveLastBasket(LeaveLastBasketConfig(valid=0, window=window)).split(data) for window in (2, 3)}
    assert labels(found[2]) == "TTTTE"
    assert labels(found[3]) == "TEEEE"


@given(rows=ROWS)
def test_rows_of_one_time_stay_together(rows: list[tuple[int, int]]) -> None:
    data = interactions(rows)
    assert data.times is not None
    parts = labels(LeaveLastBasket(LeaveLastBasketConfig()).split(data))
    of: dict[tuple[int, int], set[str]] = {}
    for user, time, label in zip(data.users.tolist(), data.times.tolist(), parts, strict=True):
        of.setdefault((user, time), set()).add(label)
    assert all(len(found) == 1 for found in of.values())


@given(rows=st.sets(st.tuples(st.integers(0, 5), st.integers(0, 40)), min_size=1))
def test_baskets_of_one_row_are_left_out_as_rows_are(rows: set[tuple[int, int]]) -> None:
    data = interactions(sorted(rows))
    one, other = LeaveLast(LeaveLastConfig(gap=1)), LeaveLastBasket(LeaveLastBasketConfig(gap=1))
    assert labels(one.split(data)) == labels(other.split(data))


def test_baskets_need_times_and_a_window_a_clock() -> None:
    data = interactions([(0, 1), (0, 5)])
    with pytest.raises(DataError, match="leave_last_basket needs times"):
        LeaveLastBasket(LeaveLastBasketConfig()).split(Interactions(data.users, data.items))
    assert LeaveLastBasket(LeaveLastBasketConfig(window=60)).needs_clock
    assert not LeaveLastBasket(LeaveLastBasketConfig()).needs_clock


def test_a_gap_is_left_out() -> None:
    parts = LeaveLast(LeaveLastConfig(gap=2)).split(interactions([(0, time) for time in range(6)]))
    assert parts.train.tolist() == [True, True, False, False, False, False]
    assert parts.valid.tolist() == [False, False, False, False, True, False]
    assert parts.test.tolist() == [False, False, False, False, False, True]


def test_ratio_counts_and_takes_the_latest_in_time() -> None:
    data = interactions([(user, time) for user in range(2) for time in range(10)])
    parts = Ratio(RatioConfig(order="chronological")).split(data)
    assert [mask.reshape(2, 10).sum(1).tolist() for mask in (parts.train, parts.valid, parts.test)] == [
        [8, 8], [1, 1], [1, 1],
    ]  # fmt: skip
    assert parts.test.reshape(2, 10)[:, 9].all()


@pytest.mark.parametrize("splitter", [Ratio, LeaveLast, Given])
def test_random_splits_follow_their_seed(splitter: Any) -> None:
    data = interactions([(user, time) for user in range(8) for time in range(12)])
    more = {"valid": 3} if splitter is Given else {}

    def held_out(seed: int) -> np.ndarray[Any, Any]:
        found: np.ndarray[Any, Any] = (
            splitter(from_options(splitter.Config, {"order": "random", "seed": seed, **more}, "s")).split(data).valid
        )
        return found

    assert np.array_equal(held_out(1), held_out(1))
    assert not np.array_equal(held_out(1), held_out(2))


@given(rows=ROWS)
def test_a_time_cut_never_trains_on_what_is_later_than_a_test(rows: list[tuple[int, int]]) -> None:
    data = interactions(rows)
    assert data.times is not None
    for cold in ("drop", "keep"):
        parts = TimeCut(TimeCutConfig(valid=0.2, test=0.3, cold_users=cold)).split(data)
        for earlier, later in ((parts.train, parts.valid), (parts.valid, parts.test), (parts.train, parts.test)):
            if earlier.any() and later.any():
                assert data.times[earlier].max() < data.times[later].min()
        if cold == "drop":
            assert set(data.users[parts.test].tolist()) <= set(data.users[parts.train].tolist())


def test_a_time_cut_at_given_times() -> None:
    data = interactions([(0, 1), (0, 5), (0, 9), (1, 6), (1, 9)])
    parts = TimeCut(TimeCutConfig(by="time", valid_from=5, test_from=9)).split(data)
    assert parts.train.tolist() == [True, False, False, False, False]
    assert parts.test.tolist() == [False, False, True, False, False]  # user 1 has no training row
    with pytest.raises(DataError, match="needs times"):
        TimeCut(TimeCutConfig()).split(Interactions(data.users, data.items))


@pytest.mark.parametrize(
    ("config", "options"),
    [
        (LeaveLastConfig, {"k": 0}),
        (LeaveLastBasketConfig, {"k": 0}),
        (LeaveLastBasketConfig, {"window": -1}),
        (RatioConfig, {"train": 0.5}),
        (TimeCutConfig, {"test": 0.0}),
        (TimeCutConfig, {"by": "time"}),
        (TimeCutConfig, {"test_from": 3}),
        (TimeCutConfig, {"valid_from": 3}),
        (GivenConfig, {"valid": -1}),
        (GivenConfig, {"seed": -1}),
        (LeaveLastConfig, {"seed": -1}),
        (RatioConfig, {"seed": -1}),
    ],
)
def test_options_that_make_no_split_are_refused(config: type, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"^data\.split"):
        from_options(config, options, "data.split")
