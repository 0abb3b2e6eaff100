from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from rexp.errors import StoreError
from rexp.evaluate.config import EvaluateConfig
from rexp.evaluate.evaluator import evaluate
from rexp.evaluate.per_user import write_per_user

from .helpers import fixed, random_split


def test_one_row_a_user(tmp_path):
    split = random_split()
    found = evaluate(fixed(np.zeros((30, 40))), split, EvaluateConfig(metrics=["ndcg", "coverage"], k=[3, 5]))
    write_per_user(found, split, tmp_path / "per_user.parquet")
    frame = pl.read_parquet(tmp_path / "per_user.parquet")
    assert frame.columns == ["user", "n_train", "ndcg@3", "ndcg@5"]
    assert frame["user"].to_list() == found.per_user["user"].tolist()
    trained = [int((split.train.users == user).sum()) for user in found.per_user["user"]]
    assert frame["n_train"].to_list() == trained
    assert frame["ndcg@5"].mean() == pytest.approx(found.metrics["ndcg@5"])
    assert [path.name for path in tmp_path.iterdir()] == ["per_user.parquet"]


def test_nothing_half_written_is_left(tmp_path):
    split = random_split()
    found = evaluate(fixed(np.zeros((30, 40))), split, EvaluateConfig(metrics=["ndcg"], k=[3]))
    (tmp_path / "per_user.parquet").mkdir()
    with pytest.raises(StoreError, match=r"per_user\.parquet cannot be written"):
        write_per_user(found, split, tmp_path / "per_user.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["per_user.parquet"]
