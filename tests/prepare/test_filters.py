"""The filters, against plain Python."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rexp.errors import ConfigError, DataError
from rexp.prepare.filter_config import FilterConfig
from rexp.prepare.filters import apply_filters, k_core

Pairs = list[tuple[int, int]]
PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=60)


def frame(rows: list[tuple[Any, ...]], *names: str) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=list(names), orient="row")


def peel(rows: Pairs, user_core: int, item_core: int) -> Pairs:
    """One row at a time, as the definition says."""
    rows = list(rows)
    while True:
        users, items = Counter(user for user, _ in rows), Counter(item for _, item in rows)
        bad = next((i for i, (u, v) in enumerate(rows) if users[u] < user_core or items[v] < item_core), None)
        if bad is None:
            return rows
        del rows[bad]


@given(rows=PAIRS, user_core=st.integers(0, 5), item_core=st.integers(0, 5))
def test_k_core_equals_peeling_and_is_a_fixed_point(rows: Pairs, user_core: int, item_core: int) -> None:
    table = pl.DataFrame(rows, schema={"user": pl.Int64, "item": pl.Int64}, orient="row")
    core = k_core(table, user_core, item_core)
    assert core.rows() == peel(rows, user_core, item_core)
    assert k_core(core, user_core, item_core).equals(core)


def test_the_steps_come_in_order_and_are_reported() -> None:
    rows = [("a", "x", 5.0, 1), ("a", "x", 1.0, 2), ("a", "y", 4.0, 3), ("b", "x", 2.0, 4), ("b", "y", 5.0, 5)]
    rows += [("b", "z", 4.5, 6)]
    report: list[dict[str, Any]] = []
    table = frame(rows, "user", "item", "rating", "time")
    filters = FilterConfig(duplicates="first", min_rating=4, drop_ratings=(4.5,), user_core=2)
    left = apply_filters(table, filters, report)
    assert left.select("user", "item").rows() == [("a", "x"), ("a", "y")]
    assert [step["step"].split("=")[0] for step in report] == ["duplicates", "min_rating", "drop_ratings", "user_core"]
    assert [(step["rows_before"], step["rows_after"]) for step in report] == [(6, 5), (5, 4), (4, 3), (3, 2)]
    assert report[-1]["users"] == 1
    assert report[-1]["items"] == 2


@pytest.mark.parametrize(
    ("which", "ratings"),
    [("first", [1.0]), ("last", [9.0]), ("keep", [1.0, 5.0, 9.0]), ("sum", [15.0]), ("mean", [5.0])],
)
def test_duplicates_are_first_or_last_in_time(which: Any, ratings: list[float]) -> None:
    table = frame([("a", "x", 5.0, 2), ("a", "x", 9.0, 3), ("a", "x", 1.0, 1)], "user", "item", "rating", "time")
    assert apply_filters(table, FilterConfig(duplicates=which), [])["rating"].to_list() == ratings


def test_the_ratings_of_the_first_time_are_added_up() -> None:
    rows = [("a", "x", 5.0, 2), ("a", "x", 2.0, 1), ("b", "x", 7.0, 1), ("a", "x", 1.0, 1), ("a", "y", 4.0, 1)]
    report: list[dict[str, Any]] = []
    table = frame(rows, "user", "item", "rating", "time")
    left = apply_filters(table, FilterConfig(duplicates="sum_first"), report)
    assert left.rows() == [("a", "x", 3.0, 1), ("b", "x", 7.0, 1), ("a", "y", 4.0, 1)]
    assert report[0]["step"] == "duplicates=sum_first"


def test_what_cannot_be_filtered_is_said() -> None:
    table = frame([("a", "x")], "user", "item")
    with pytest.raises(ConfigError, match="no ratings"):
        apply_filters(table, FilterConfig(min_rating=3), [])
    with pytest.raises(ConfigError, match=r"drop_ratings.*no ratings"):
        apply_filters(table, FilterConfig(drop_ratings=(3,)), [])
    with pytest.raises(ConfigError, match=r"duplicates=sum.*no ratings"):
        apply_filters(table, FilterConfig(duplicates="sum"), [])
    untimed = frame([("a", "x", 1.0)], "user", "item", "rating")
    with pytest.raises(ConfigError, match=r"duplicates=sum_first.*no times"):
        apply_filters(untimed, FilterConfig(duplicates="sum_first"), [])
    twice = frame([("a", "x"), ("b", "y"), ("b", "y")], "user", "item")
    with pytest.raises(DataError, match=r"duplicates=error: 1 pairs .* user b and item y"):
        apply_filters(twice, FilterConfig(duplicates="error"), [])
    assert apply_filters(table, FilterConfig(duplicates="error"), []).equals(table)
    with pytest.raises(DataError, match=r"data\.filter\.user_core"):
        apply_filters(table, FilterConfig(user_core=2), [])
