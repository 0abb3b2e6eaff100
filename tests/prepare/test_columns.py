"""Columns as features: values by hand, policies, and that nothing but training is fitted on."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from rexp.api import FeatureSpec
from rexp.errors import ConfigError, DataError
from rexp.prepare.features.clock import time_column
from rexp.prepare.features.columns import FittedColumn, fit_column
from rexp.prepare.features.policy import DEFAULT, read_policies


def fit(values: Any, dtype: Any = None, in_train: list[int] | None = None, **policy: Any) -> FittedColumn:
    """What a column becomes; all rows are in training where ``in_train`` does not say."""
    column = pl.Series("x", values, dtype=dtype)
    mask = np.ones(len(column), bool) if in_train is None else np.array(in_train, bool)
    return fit_column("user.x", column, mask, read_policies({"user.x": policy})["user.x"])


def values_of(fitted: FittedColumn) -> Any:
    assert fitted.feature is not None
    return fitted.feature.values.tolist()


def spec_of(fitted: FittedColumn) -> FeatureSpec:
    assert fitted.feature is not None
    return fitted.feature.spec


# ---- by the type alone


@pytest.mark.parametrize(
    ("values", "kind", "cardinality", "codes"),
    [
        (["m", "f", None, "m", "f"], "category", 3, [2, 1, 0, 2, 1]),
        (["10", "9", "", "9", "9"], "category", 3, [1, 2, 0, 2, 2]),
        ([True, None, False, True, True], "category", 3, [2, 0, 1, 2, 2]),
        ([["x", "b"], [], None, ["b", "b"], ["", None, "c"]], "set", 4, [[1, 3], [0, 0], [0, 0], [1, 0], [2, 0]]),
        ([[30, 4], [4], None, [], [5]], "set", 4, [[1, 3], [1, 0], [0, 0], [0, 0], [2, 0]]),
        (["b|a", "a", None, "b", "c|"], "set", 4, [[1, 2], [1, 0], [0, 0], [2, 0], [3, 0]]),
    ],
)
def test_categories_and_sets(values: list[Any], kind: Any, cardinality: int, codes: list[Any]) -> None:
    fitted = fit(values)
    assert spec_of(fitted) == FeatureSpec("user", kind, cardinality)
    assert fitted.feature is not None
    assert fitted.feature.values.dtype == np.int64
    assert values_of(fitted) == codes


def test_a_categorical_column_is_ordered_by_its_text() -> None:
    fitted = fit(["z", "y", "z", None, "y"], pl.Enum(["z", "unused", "y"]))
    assert values_of(fitted) == [2, 1, 2, 0, 1]
    assert spec_of(fitted).cardinality == 3


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 3, None, 1, 3], [-1, 1, 0, -1, 1]),
        ([1.0, 3.0, float("nan"), float("inf"), None], [-1, 1, 0, 0, 0]),
        ([0.1, 0.1, 0.1, None, 0.1], [0, 0, 0, 0, 0]),
        ([date(2020, 1, 1), date(2020, 1, 3), None, None, date(2020, 1, 2)], [-1.2247449, 1.2247449, 0, 0, 0]),
    ],
)
def test_numbers_are_standardized_over_the_known_rows(values: list[Any], expected: list[float]) -> None:
    fitted = fit(values)
    assert spec_of(fitted) == FeatureSpec("user", "number", 0)
    assert fitted.feature is not None
    assert fitted.feature.values.dtype == np.float32
    np.testing.assert_allclose(fitted.feature.values, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("values", "kind", "reason"),
    [
        (["one", "two", "three", "one", None], "text", "free text: 3 distinct values in 4 training rows"),
        (["one", "two | 2", "three", "four", None], "text", "free text: 4 distinct values in 4 training rows"),
        ([None, None, None], "drop", "no value is known in training"),
        (["", None, ""], "drop", "no value is known in training"),
        ([{"a": 1}], "drop", "its type Struct({'a': Int64}) is none that a feature has"),
    ],
)
def test_what_is_no_feature_says_why(values: list[Any], kind: str, reason: str) -> None:
    fitted = fit(values)
    assert (fitted.feature, fitted.kind, fitted.reason) == (None, kind, reason)


def test_text_of_whole_numbers_is_a_number_where_it_has_more_values_than_codes_have() -> None:
    ages = [str(number) for number in range(33)] * 3
    assert spec_of(fit(ages)).kind == "number"
    assert spec_of(fit(ages[:32] * 3)).kind == "category"
    assert spec_of(fit([f"0{age}" for age in ages])).kind == "category", "leading zeros are of codes"
    assert fit(ages[:33]).kind == "text", "all distinct: ids"
    assert spec_of(fit(ages, pl.Categorical)).kind == "category"
    assert spec_of(fit(ages, kind="category")) == FeatureSpec("user", "category", 34)


def test_a_set_may_be_empty_everywhere() -> None:
    fitted = fit([[], [], None, [], []], pl.List(pl.String))
    assert spec_of(fitted).cardinality == 1
    assert values_of(fitted) == [[0]] * 5


def test_lists_of_fractions_are_vectors() -> None:
    fitted = fit([[0.5, 1.0], None, [3.0, 4.0]])
    assert spec_of(fitted) == FeatureSpec("user", "vector", 0, 2)
    assert values_of(fitted) == [[0.5, 1.0], [0, 0], [3, 4]]
    assert values_of(fit([[0.5, 1.0], None, [3.0, 4.0]], normalize="l2"))[2] == pytest.approx([0.6, 0.8])
    assert values_of(fit([[1.0, 1.0], None, [3.0, 4.0]], in_train=[1, 1, 0], fill="mean"))[1] == [1, 1]
    with pytest.raises(DataError, match=r"user\.x has vectors of the widths 1, 2"):
        fit([[0.5], [1.0, 2.0]])
    with pytest.raises(DataError, match=r"user\.x: row 2 has a vector with NaN"):
        fit([[0.5], [float("nan")]])
    with pytest.raises(DataError, match=r"1 of 2 users have no vector; data\.features\.user\.x\.fill=zero"):
        fit([[0.5], None], fill="error")


def test_the_order_of_the_rows_decides_nothing() -> None:
    order = [3, 5, 0, 1, 4, 2]
    for values in (["c", "a", "b", "a", "b", "a"], [5, 1, 4, None, 2, 2], [["c", "a"], ["b"], [], ["a"], ["b"], None]):
        column = pl.Series("x", values)
        mask = np.ones(6, bool)
        straight = fit_column("user.x", column, mask, DEFAULT).feature
        shuffled = fit_column("user.x", column.gather(order), mask, DEFAULT).feature
        assert straight is not None
        assert shuffled is not None
        np.testing.assert_allclose(straight.values[order], shuffled.values, rtol=1e-6)


# ---- policies of numbers: 1, 3, 3, 9 in training; 100 is not


NUMBERS = [1, 3, 3, 9, 100, None]
TRAIN = [1, 1, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({}, [-1, -1 / 3, -1 / 3, 5 / 3, 32, 0]),  # mean 4, deviation 3
        ({"fill": "median"}, [-1, -1 / 3, -1 / 3, 5 / 3, 32, -1 / 3]),
        ({"fill": "mode"}, [-1, -1 / 3, -1 / 3, 5 / 3, 32, -1 / 3]),
        ({"fill": "constant", "value": 7}, [-1, -1 / 3, -1 / 3, 5 / 3, 32, 1]),
        ({"normalize": "none"}, [1, 3, 3, 9, 100, 4]),
        ({"normalize": "minmax"}, [0, 0.25, 0.25, 1, 99 / 8, 3 / 8]),
        ({"normalize": "rank", "fill": "median"}, [0.125, 0.5, 0.5, 0.875, 1, 0.5]),
        ({"bucket": {"edges": [3, 10]}}, [1, 2, 2, 2, 3, 0]),
        ({"bucket": {"edges": [3, 10]}, "fill": "mean"}, [1, 2, 2, 2, 3, 2]),
        ({"bucket": {"quantiles": 2}}, [1, 2, 2, 2, 2, 0]),  # the median is 3
    ],
)
def test_a_number_is_fitted_on_training_rows(policy: dict[str, Any], expected: list[float]) -> None:
    deviation = np.std([1, 3, 3, 9])
    scale = deviation / 3 if "normalize" not in policy and "bucket" not in policy else 1
    fitted = fit(NUMBERS, in_train=TRAIN, **policy)
    np.testing.assert_allclose(np.array(values_of(fitted)) * scale, expected, rtol=1e-6, atol=1e-6)


def test_logarithms_keep_the_sign() -> None:
    logs = np.log([1, 4, 0.5])
    expected = (logs - logs.mean()) / logs.std()
    np.testing.assert_allclose(values_of(fit([0, 3, -1], normalize="log")), expected, rtol=1e-5)


def test_buckets_of_quantiles_are_of_the_training_part() -> None:
    fitted = fit([*map(float, range(100)), 1e9], in_train=[1] * 100 + [0], bucket={"quantiles": 4})
    assert spec_of(fitted) == FeatureSpec("user", "category", 5)  # four parts, and the unknown one
    assert np.bincount(values_of(fitted)[:100]).tolist() == [0, 25, 25, 25, 25]
    assert values_of(fitted)[100] == 4


def test_an_indicator_says_where_a_value_was_missing() -> None:
    fitted = fit(NUMBERS, in_train=TRAIN, indicator=True)
    assert fitted.indicator is not None
    assert fitted.indicator.spec == FeatureSpec("user", "category", 3)
    assert fitted.indicator.values.tolist() == [1, 1, 1, 1, 1, 2]
    assert (fitted.missing, fitted.fill) == (1 / 6, "mean 4")


# ---- policies of categories and sets


def bucket_of(name: str, buckets: int) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little") % buckets


WORDS = ["a", "a", "b", "c", "b", "new", None]
KNOWN = [1, 1, 1, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("policy", "cardinality", "expected"),
    [
        ({}, 4, [1, 1, 2, 3, 2, 0, 0]),  # what training has not met is unknown
        ({"min_count": 1}, 5, [1, 1, 2, 3, 2, 4, 0]),
        ({"min_count": 2}, 4, [1, 1, 2, 3, 2, 3, 0]),  # c is rare
        ({"fill": "mode"}, 4, [1, 1, 2, 3, 2, 0, 1]),
        ({"fill": "constant", "value": "c"}, 4, [1, 1, 2, 3, 2, 0, 3]),
        (
            {"min_count": 2, "buckets": 8},
            11,
            [1, 1, 2, 3 + bucket_of("c", 8), 2, 3 + bucket_of("new", 8), 0],
        ),
        ({"buckets": 8}, 9, [*(1 + bucket_of(word, 8) for word in WORDS[:6] if word), 0]),
    ],
)
def test_a_category_is_fitted_on_training_rows(policy: dict[str, Any], cardinality: int, expected: list[int]) -> None:
    fitted = fit(WORDS, in_train=KNOWN, **{"kind": "category", **policy})
    assert spec_of(fitted) == FeatureSpec("user", "category", cardinality)
    assert values_of(fitted) == expected


def test_the_hash_is_the_same_everywhere() -> None:
    # As `printf some | b2sum -l 64` says, read from its last byte to its first.
    assert values_of(fit(["some", "text"], kind="category", buckets=1000)) == [919, 896]


def test_members_of_a_set_may_be_rare() -> None:
    sets = [["a", "b"], ["a"], ["c", "a"], ["new", "b"]]
    assert values_of(fit(sets, in_train=[1, 1, 1, 0])) == [[1, 2], [1, 0], [1, 3], [2, 0]]
    assert values_of(fit(sets, in_train=[1, 1, 1, 0], min_count=2)) == [[1, 2], [1, 0], [1, 2], [2, 0]]


# ---- nothing outside training moves anything


@pytest.mark.parametrize(
    ("values", "other", "policy"),
    [
        ([1.0, 2.0, 4.0, 8.0], [1e6, -1e6], {"fill": "median"}),
        ([1.0, 2.0, 4.0, 8.0], [1e6, -1e6], {"normalize": "rank"}),
        ([1.0, 2.0, 4.0, 8.0], [1e6, -1e6], {"normalize": "minmax", "fill": "mode"}),
        ([1.0, 2.0, 4.0, 8.0], [1e6, -1e6], {"bucket": {"quantiles": 3}}),
        (["a", "b", "b", "a"], ["0", "x|y"], {}),
        (["a", "b", "b", "a"], ["a", "a"], {"min_count": 2, "fill": "mode"}),
        ([["a"], ["b"], ["b"], []], [["0", "a"], ["z"]], {"min_count": 2}),
        ([[1.0, 0.0], [0.0, 1.0], [2.0, 1.0], [1.0, 1.0]], [[9.0, 9.0], [8.0, 8.0]], {"fill": "mean"}),
    ],
)
def test_what_is_not_in_training_moves_nothing(values: list[Any], other: list[Any], policy: dict[str, Any]) -> None:
    mask = [1] * len(values) + [0, 0, 0]
    fitted = [fit([*values, *ends, None], in_train=mask, **policy) for ends in (values[:2], other)]
    assert spec_of(fitted[0]) == spec_of(fitted[1])
    assert fitted[0].reason == fitted[1].reason
    one, two = (np.array(values_of(each)) for each in fitted)
    rows = [*range(len(values)), -1]
    width = min(one.shape[-1], two.shape[-1]) if one.ndim > 1 else None
    np.testing.assert_array_equal(one[rows][..., :width], two[rows][..., :width])


# ---- time


def test_parts_of_a_time() -> None:
    times = np.array([0, 86_399_000, 951_782_400_000])  # Thursday 1970-01-01; 2000-02-29, a Tuesday; in milliseconds
    assert time_column(times, 1000, "hour", 0).to_list() == ["00", "23", "00"]
    assert time_column(times, 1000, "weekday", 0).to_list() == ["03", "03", "01"]
    assert time_column(times, 1000, "month", 0).to_list() == ["01", "01", "02"]
    assert time_column(times, 1000, "age_days", 43_200_000).to_list() == pytest.approx([-0.5, 0.4999884, 11015.5])
    policy = read_policies({"context": {"hour": {"from": "time", "part": "hour"}}})["context.hour"]
    column = time_column(times, 1000, "hour", 0)
    feature = fit_column("context.hour", column, np.array([True, True, False]), policy).feature
    assert feature is not None
    assert feature.spec == FeatureSpec("context", "category", 3)
    assert feature.values.tolist() == [1, 2, 1]
    with pytest.raises(DataError, match="beyond the year 9999"):
        time_column(times, 1, "hour", 0)


def test_a_policy_is_known_by_all_that_it_says() -> None:
    said = [
        read_policies({"user.x": policy})["user.x"].plain()
        for policy in (
            {},
            {"indicator": True},
            {"fill": "constant", "value": 0},
            {"fill": "constant", "value": 1},
            {"bucket": {"edges": [0]}},
            {"bucket": {"quantiles": 2}},
        )
    ]
    assert said[0] == {}
    assert all(one != other for place, one in enumerate(said) for other in said[:place])


# ---- messages


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ({"age": {}}, r"data\.features\.age: a column is written SIDE\.NAME"),
        ({"users.age": {}}, r"SIDE is one of user, item, context"),
        ({"user.age": {"knd": "number"}}, r"data\.features\.user\.age\.knd is not an option here; did you mean 'kind'"),
        ({"user": {"age": {"kind": "numbr"}}}, r"data\.features\.user\.age\.kind='numbr' is not allowed"),
        ({"user.age": "number"}, r"data\.features\.user\.age='number' has the wrong type"),
        ({"user.age": {"fill": "constant"}}, r"data\.features\.user\.age: fill=constant and value belong together"),
        ({"user.age": {"bucket": {"edges": [2, 1]}}}, r"edges=\[2\.0, 1\.0\] must ascend"),
        ({"user.age": {"bucket": {}}}, "give either quantiles or edges"),
        ({"user.age": {"min_count": 0}}, "min_count=0 must be 1 or more"),
        ({"user.age": {"from": "time", "part": "hour"}}, r"from=time: a time belongs to an interaction"),
        ({"context.age": {"from": "time"}}, "from=time and part belong together"),
    ],
)
def test_a_policy_that_is_none_is_one_line(node: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_policies(node)


@pytest.mark.parametrize(
    ("values", "policy", "said"),
    [
        ([1, 2], {"min_count": 2}, r"user\.x\.min_count is for a category or a set, and the column is a number"),
        ([1, 2], {"normalize": "l2"}, r"user\.x\.normalize=l2 is not for a number; take standard, minmax, rank"),
        (["a", "a"], {"kind": "category", "fill": "mean"}, r"fill=mean is not for a category; take mode or constant"),
        (["1", "x"], {"kind": "number"}, r"user\.x\.kind=number: 'x' is no number \(1 such values\)"),
        ([["a"]], {"kind": "category"}, "the column holds lists; take kind=set"),
        ([1], {"kind": "set"}, r"the column is Int64; lists of text, or text with '\|', are wanted"),
        ([1], {"kind": "text"}, "the column is Int64; text, or lists of it, is wanted"),
        ([1], {"kind": "vector"}, "the column is Int64; lists of numbers are wanted"),
        ([1], {"fill": "constant", "value": "x"}, r"user\.x\.value='x' is no number"),
        (["a", "a"], {"fill": "constant", "value": "b"}, r"user\.x\.value='b' is no category that training has met"),
    ],
)
def test_a_policy_that_does_not_fit_the_column_is_one_line(values: Any, policy: dict[str, Any], said: str) -> None:
    with pytest.raises((ConfigError, DataError), match=said):
        fit(values, **policy)
