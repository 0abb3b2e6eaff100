"""Features of a prepared split: read memory-mapped when somebody asks for them, beside the texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rexp.api import DataSpec, FeatureSpec
from rexp.data.features import feature_file, readable
from rexp.data.interactions import Interactions
from rexp.data.split import Split
from rexp.errors import ConfigError
from rexp.prepare.prepare import load_split


def test_movietweetings_has_years_and_genres(tmp_path: Path) -> None:
    split = load_split({"name": "movietweetings"}, None, tmp_path)
    features, table = split.features(), split.items_table()
    assert list(features) == ["item.year", "item.genres"]
    names = sorted({genre for row in table["genres"] for genre in row})
    codes = {name: place for place, name in enumerate(names, 1)}
    assert dict(split.spec.features) == {
        "item.year": FeatureSpec("item", "number", 0),
        "item.genres": FeatureSpec("item", "set", len(names) + 1),
    }
    for row, genres in zip(features["item.genres"].values.tolist(), table["genres"], strict=True):
        assert [code for code in row if code] == sorted(codes[genre] for genre in genres)
    years, values = table["year"].to_numpy().astype(float), features["item.year"].values
    trained = years[split.train_users_per_item > 0]
    np.testing.assert_allclose(values, (years - np.nanmean(trained)) / np.nanstd(trained), rtol=1e-4, atol=1e-4)
    assert all(isinstance(feature.values, np.memmap) for feature in features.values())
    assert split.features() is features
    assert split.spec.text == split.text_columns == ("item.title",)
    assert split.text("item.title") == table["title"].to_list()
    with pytest.raises(ConfigError, match=r"the data has no text 'item\.titel'; did you mean 'item\.title'\?"):
        split.text("item.titel")


def test_features_are_read_when_somebody_asks(tmp_path: Path) -> None:
    split = load_split({"name": "movietweetings"}, None, tmp_path)
    elsewhere = replace(split, directory=tmp_path / "nowhere")
    assert dict(elsewhere.spec.features) == dict(split.spec.features)
    with pytest.raises(FileNotFoundError):
        elsewhere.features()


def test_a_split_in_memory_has_none() -> None:
    rows = Interactions(np.zeros(1, np.int32), np.zeros(1, np.int32))
    split = Split("in memory", rows, rows, rows, 1, 1, fingerprint="-")
    assert not split.features()
    assert split.spec == DataSpec(1, 1, 1)
    with pytest.raises(ConfigError, match=r"the data has no text 'item\.title'"):
        split.text("item.title")


def test_a_file_is_called_as_its_feature_where_every_file_system_allows_it() -> None:
    assert feature_file("item.image", 3) == "item.image.npy"
    assert [feature_file(name, 3) for name in ("item.Year", "item.a/b", "item.größe")] == ["feature.3.npy"] * 3


def test_what_can_be_read_as_text() -> None:
    for column, text in (
        (pl.Series(["a", "", None]), ["a", None, None]),
        (pl.Series([["a", "b"], [], None]), ["a b", None, None]),
        (pl.Series(["a"], dtype=pl.Categorical), ["a"]),
    ):
        read = readable(column)
        assert read is not None
        assert read.to_list() == text
    assert readable(pl.Series([1])) is None
