"""Features: what becomes of each type of column, what is left out, and that nobody pays who does not ask."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from rexp.api import DataSpec, FeatureSpec
from rexp.data.features import read_features
from rexp.data.interactions import Interactions
from rexp.data.split import Split
from rexp.prepare.prepare import load_split

if TYPE_CHECKING:
    from rexp.data.types import Feature

IDS = pl.DataFrame({"user": ["a", "b", "c", "d", "e"]})


def of(values: Any, dtype: Any = None) -> Feature | None:
    """The feature that a column of five users becomes."""
    column = pl.Series("x", values, dtype=dtype)
    return read_features(IDS.with_columns(column), pl.DataFrame({"item": ["i"]})).get("user.x")


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
    feature = of(values)
    assert feature is not None
    assert feature.spec == FeatureSpec("user", kind, cardinality)
    assert feature.values.dtype == np.int64
    assert feature.values.tolist() == codes


def test_a_categorical_column_is_ordered_by_its_text() -> None:
    feature = of(["z", "y", "z", None, "y"], pl.Enum(["z", "unused", "y"]))
    assert feature is not None
    assert feature.values.tolist() == [2, 1, 2, 0, 1]
    assert feature.spec.cardinality == 3


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 3, None, 1, 3], [-1, 1, 0, -1, 1]),
        ([1.0, 3.0, float("nan"), float("inf"), None], [-1, 1, 0, 0, 0]),
        ([0.1, 0.1, 0.1, None, 0.1], [0, 0, 0, 0, 0]),
        ([date(2020, 1, 1), date(2020, 1, 3), None, None, date(2020, 1, 2)], [-1.2247449, 1.2247449, 0, 0, 0]),
    ],
)
def test_numbers_are_standardised_over_the_known_rows(values: list[Any], expected: list[float]) -> None:
    feature = of(values)
    assert feature is not None
    assert feature.spec == FeatureSpec("user", "number", 0)
    assert feature.values.dtype == np.float32
    np.testing.assert_allclose(feature.values, expected, atol=1e-6)


@pytest.mark.parametrize(
    "values",
    [
        ["one", "two", "three", "one", None],  # 3 of 4 are distinct
        [None, None, None, None, None],
        ["", None, "", "", ""],
        [[0.5, 1.0]] * 5,
    ],
)
def test_free_text_and_what_is_not_known_are_left_out(values: list[Any]) -> None:
    assert of(values) is None


def test_a_set_may_be_empty_everywhere() -> None:
    feature = of([[], [], None, [], []], pl.List(pl.String))
    assert feature is not None
    assert feature.spec.cardinality == 1
    assert feature.values.tolist() == [[0]] * 5


def test_sides_do_not_clash() -> None:
    users = pl.DataFrame({"user": [1, 2], "year": [1990, 2000]})
    items = pl.DataFrame({"item": [1, 2, 3], "year": [1, 2, 3], "title": ["x", "y", "z"], "kind": ["a", "a", "a"]})
    features = read_features(users, items)
    assert list(features) == ["user.year", "item.year", "item.kind"]
    assert [feature.spec.side for feature in features.values()] == ["user", "item", "item"]


def test_the_order_of_the_rows_decides_nothing() -> None:
    table = pl.DataFrame({"user": range(6), "x": ["c", "a", "b", "a", "b", "a"], "n": [5, 1, 4, None, 2, 2]})
    order = [3, 5, 0, 1, 4, 2]
    none = pl.DataFrame({"item": [0]})
    straight, shuffled = read_features(table, none), read_features(table[order], none)
    for name, feature in straight.items():
        np.testing.assert_array_equal(feature.values[order], shuffled[name].values)


def test_movietweetings_has_years_and_genres(tmp_path: Path) -> None:
    split = load_split({"name": "movietweetings"}, None, tmp_path)
    features, table = split.features(), split.items_table()
    assert list(features) == ["item.year", "item.genres"]  # nearly every title is its own
    names = sorted({genre for row in table["genres"] for genre in row})
    codes = {name: place for place, name in enumerate(names, 1)}
    assert dict(split.spec.features) == {
        "item.year": FeatureSpec("item", "number", 0),
        "item.genres": FeatureSpec("item", "set", len(names) + 1),
    }
    for row, genres in zip(features["item.genres"].values.tolist(), table["genres"], strict=True):
        assert [code for code in row if code] == sorted(codes[genre] for genre in genres)
    years, values = table["year"].to_numpy().astype(float), features["item.year"].values
    np.testing.assert_allclose(values, (years - np.nanmean(years)) / np.nanstd(years), rtol=1e-4, atol=1e-4)
    assert split.features() is features


def test_features_are_read_when_somebody_asks(tmp_path: Path) -> None:
    split = load_split({"name": "movietweetings"}, None, tmp_path)
    elsewhere = replace(split, directory=tmp_path / "nowhere")
    spec = elsewhere.spec
    assert spec.n_items == split.n_items
    with pytest.raises(FileNotFoundError):
        len(spec.features)


def test_a_split_in_memory_has_none() -> None:
    rows = Interactions(np.zeros(1, np.int32), np.zeros(1, np.int32))
    split = Split("in memory", rows, rows, rows, 1, 1, fingerprint="-")
    assert not split.features()
    assert split.spec == DataSpec(1, 1, 1)
    assert repr(split.spec) == repr(DataSpec(1, 1, 1))
