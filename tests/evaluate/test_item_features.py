from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from rexp.errors import ConfigError
from rexp.evaluate.config import EvaluateConfig
from rexp.evaluate.evaluator import evaluate
from rexp.evaluate.item_features import item_features

from .helpers import fixed, make_split


@pytest.fixture
def split(tmp_path):
    table = {
        "item": ["a", "b", "c"],
        "genres": ["Drama|War", "War", ""],
        "tags": [["x"], None, ["x", "y"]],
        "vector": [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]],
        "year": [1990, 2000, 2010],
    }
    pl.DataFrame(table).write_parquet(tmp_path / "items.parquet")
    bare = make_split([(0, 0), (1, 1), (1, 2)], [(1, 0), (0, 1)], n_users=2, n_items=3)
    return replace(bare, directory=tmp_path)


def test_texts_become_columns_of_0_and_1(split):
    assert item_features(split, "genres").tolist() == [[1, 1], [0, 1], [0, 0]]
    assert item_features(split, "tags").tolist() == [[1, 0], [0, 0], [1, 1]]


def test_vectors_stay(split):
    assert item_features(split, "vector").tolist() == [[1, 0], [0, 1], [1, 1]]


def test_a_column_that_is_not_there(split):
    with pytest.raises(ConfigError, match="did you mean 'genres'"):
        item_features(split, "genre")


def test_ild_from_the_configuration_to_the_number(split):
    config = EvaluateConfig(metrics=["ild"], k=[2], mask=["train"], item_features="genres")
    found = evaluate(fixed(np.zeros((2, 3))), split, config)
    # user 0 gets b and c, which has no genre: distance 1; user 1 has only a left: undefined
    assert found.metrics["ild@2"] == 1
    assert found.facts["n_users_undefined"] == {"ild@2": 1}


def test_an_item_without_a_vector_has_zeros_and_categories_are_texts(split, tmp_path):
    table = pl.read_parquet(tmp_path / "items.parquet").with_columns(
        pl.Series("vector", [[1.0, None], None, [1.0, 1.0]]), pl.col("genres").cast(pl.Categorical)
    )
    table.write_parquet(tmp_path / "items.parquet")
    assert item_features(split, "vector").tolist() == [[1, 0], [0, 0], [1, 1]]
    assert item_features(split, "genres").tolist() == [[1, 1], [0, 1], [0, 0]]


def test_single_numbers_have_no_angle_between_them(split):
    with pytest.raises(ConfigError, match=r"evaluate\.item_features=year: between single numbers"):
        item_features(split, "year")


def test_vectors_of_several_lengths_are_refused(split, tmp_path):
    ragged = pl.Series("vector", [[1.0, 0.0], [0.0, 1.0, 2.0], [1.0, 1.0]])
    pl.read_parquet(tmp_path / "items.parquet").with_columns(ragged).write_parquet(tmp_path / "items.parquet")
    with pytest.raises(ConfigError, match="its vectors have 2 to 3 numbers"):
        item_features(split, "vector")
