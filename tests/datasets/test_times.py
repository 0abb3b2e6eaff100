"""Times keep the precision that they have, in one unit for all parts."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from rexp.datasets.times import as_ticks, parse_times
from rexp.errors import DataError

DAY = 1577836800  # 2020-01-01 in UTC


def ticks(values: list[Any], dtype: Any = None, time_format: str | None = None) -> tuple[list[Any], int]:
    column = parse_times(pl.Series("time", values, dtype=dtype), lambda row: f"row {row}", time_format)
    frames, unit = as_ticks({"all": pl.DataFrame({"time": column})})
    return frames["all"]["time"].to_list(), unit


@pytest.mark.parametrize(
    ("values", "expected", "unit"),
    [
        (["3", "1"], [3, 1], 1),
        (["3.0", "1"], [3, 1], 1),
        (["0.25", "1"], [0.25, 1.0], 1),
        ([2.5, 2.25], [2.5, 2.25], 1),
        ([2.0, 1.0], [2, 1], 1),
        (["2020-01-01", "2020-01-01 00:00:01"], [DAY, DAY + 1], 1),
        (["2020-01-01 00:00:00.5", "2020-01-01T00:00:01"], [1000 * DAY + 500, 1000 * DAY + 1000], 1000),
        (["2020-01-01 00:00:00.000001"], [10**6 * DAY + 1], 10**6),
        (["2020-01-01 00:00:00.123456789"], [10**9 * DAY + 123456789], 10**9),
        (["2020-01-01 01:30:00+01:30", "2019-12-31 23:00-01:00", "2020/01/01 0:00:00Z"], [DAY] * 3, 1),
        ([dt.date(2020, 1, 1)], [DAY], 1),
        ([dt.datetime(2020, 1, 1, 0, 0, 0, 250000)], [1000 * DAY + 250], 1000),
        ([dt.datetime(2020, 1, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=2)))], [DAY], 1),
        (["1500-01-01 00:00:00.5"], [-14831769599500], 1000),
    ],
)
def test_the_precision_is_that_of_the_data(values: list[Any], expected: list[Any], unit: int) -> None:
    assert ticks(values) == (expected, unit)


def test_a_stated_format_is_read() -> None:
    assert ticks(["02/01/2020 00:00"], time_format="%d/%m/%Y %H:%M") == ([DAY + 86400], 1)
    assert ticks(["01/02/2020 00:00"], time_format="%m/%d/%Y %H:%M") == ([DAY + 86400], 1)


@pytest.mark.parametrize("values", [["3", "noon"], ["01/02/2020"], ["2020-13-01"], ["2020-01-01", "3"], ["1e999"]])
def test_what_is_no_time_is_refused(values: list[str]) -> None:
    with pytest.raises(DataError, match=r"row \d: the time is '.*data\.time_format"):
        ticks(values)


def test_parts_share_the_finest_unit() -> None:
    coarse = pl.DataFrame({"time": [dt.datetime(2020, 1, 1)]}).with_columns(pl.col("time").cast(pl.Datetime("ms")))
    fine = pl.DataFrame({"time": [dt.datetime(2020, 1, 1, 0, 0, 0, 5)]})
    frames, unit = as_ticks({"train": coarse, "test": fine, "valid": pl.DataFrame({"user": [1]})})
    assert unit == 10**6
    assert frames["train"]["time"].to_list() == [10**6 * DAY]
    assert frames["test"]["time"].to_list() == [10**6 * DAY + 5]
    numbers = pl.DataFrame({"time": [3]})
    with pytest.raises(DataError, match="times of train are dates, those of test numbers"):
        as_ticks({"train": coarse, "test": numbers})
    halves = as_ticks({"train": numbers, "test": pl.DataFrame({"time": [0.5]})})[0]
    assert halves["train"]["time"].dtype == halves["test"]["time"].dtype == pl.Float64
