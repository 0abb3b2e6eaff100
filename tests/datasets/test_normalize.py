"""One form of ids, ratings and times, from text, numbers and categories alike."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from rexp.datasets.normalize import missing, normalize, place_of, refuse_missing
from rexp.errors import DataError
from rexp.prepare.vocabulary import build_vocabulary

WHERE = place_of("rows", None)


def ids(values: list[Any], dtype: Any = None) -> list[Any]:
    frame = pl.DataFrame({"user": pl.Series(values, dtype=dtype), "item": ["x"] * len(values)})
    return normalize(frame, WHERE)[0]["user"].to_list()


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([" a", "b\t", "", "  ", None], pl.String, ["a", "b", None, None, None]),
        (["b", "a", "b "], pl.Categorical, ["b", "a", "b"]),
        (["7.0", "8", "-3.00", None], pl.String, ["7", "8", "-3", None]),
        # Versions, and codes with zeros, are no numbers.
        (["1.0", "1.1"], pl.String, ["1.0", "1.1"]),
        (["1.0", "b"], pl.String, ["1.0", "b"]),
        (["007", "7.0"], pl.String, ["007", "7"]),
        ([7.0, float("nan"), 8.0], pl.Float64, [7, None, 8]),
        ([Decimal("7"), None], pl.Decimal(10, 2), [7, None]),
        ([3, 1], pl.UInt8, [3, 1]),
        ([2**63 + 5, 1], pl.UInt64, [str(2**63 + 5), "1"]),
        ([True, False], pl.Boolean, ["true", "false"]),
    ],
)
def test_ids(values: list[Any], dtype: Any, expected: list[Any]) -> None:
    assert ids(values, dtype) == expected


def test_normalizing_again_changes_nothing_and_changes_are_counted() -> None:
    frame = pl.DataFrame({"user": [" a", "b"], "item": ["1.0", "2"], "rating": ["4", " 5 "], "time": ["3", "1.5"]})
    once, changed = normalize(frame, WHERE)
    assert changed == {"user: blanks taken off": 1, "item: written as whole numbers": 1}
    assert once.rows() == [("a", "1", 4.0, 3.0), ("b", "2", 5.0, 1.5)]
    again, changed = normalize(once, WHERE)
    assert again.equals(once)
    assert changed == {}


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("item", [[1, 2], [3]], "rows, row 1: the item is a list"),
        ("user", [1.0, 2.5], "rows, row 2: the user is 2.5"),
        ("user", [b"a", b"b"], "the user is of the type Binary"),
        ("rating", ["3", "good"], "rows, row 2: the rating is 'good'"),
        ("rating", [1.0, float("inf")], "rows, row 2: the rating is inf"),
        ("rating", [[1], [2]], "the rating is a list"),
        ("time", [dt.time(1), dt.time(2)], "the time is of the type Time"),
        ("time", [[1], [2]], "the time is of the type List"),
    ],
)
def test_what_cannot_be_read_names_its_column(column: str, values: list[Any], said: str) -> None:
    frame = pl.DataFrame({"user": ["a", "b"], "item": ["x", "y"]}).with_columns(pl.Series(column, values))
    with pytest.raises(DataError, match=said):
        normalize(frame, WHERE)


def test_missing_is_empty_text_null_and_nan() -> None:
    frame = pl.DataFrame({"user": ["a", "", "c", "d"], "item": ["x"] * 4, "rating": ["1", "2", "nan", " "]})
    frame, _ = normalize(frame, WHERE)
    lacking = missing(frame)
    assert lacking.to_list() == [False, True, True, True]
    with pytest.raises(DataError, match=r"rows, row 2: the user is empty \(3 rows"):
        refuse_missing(frame, lacking, WHERE)


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        (["10", "9", "-1", "09"], pl.String, ["-1", "09", "9", "10"]),
        ([10, 9, -1], pl.Int64, [-1, 9, 10]),
        (["9", str(10**20), "a"], pl.String, [str(10**20), "9", "a"]),
        ([str(10**20), "9"], pl.String, ["9", str(10**20)]),
    ],
)
def test_whole_numbers_are_in_their_order_as_text_too(values: list[Any], dtype: Any, expected: list[Any]) -> None:
    assert build_vocabulary([pl.Series(values, dtype=dtype)]).to_list() == expected
