"""Runs that predict ratings: what they are refused, what stands beside them, and what their rows may be."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

RMSE = (*("track=none", "measure.latency=false", "data=csv", "evaluate=pointwise"), "evaluate.row_metrics=[rmse]")


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty users, and items that are all rated alike."""
    random = np.random.default_rng(0)
    taken = [random.permutation(20)[:8] for _ in range(30)]
    rows = [
        f"{user},{item},{item % 5 + 1},{when}" for user, items in enumerate(taken) for when, item in enumerate(items)
    ]
    path = tmp_path_factory.mktemp("rated") / "a.csv"
    path.write_text("\n".join(["user,item,rating,time", *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("model=pop",), "model=pop"),
        (("model=mf", "loss=mse"), r"model=mf \(loss=mse\)"),
        (("model=mf", "loss=bce", "loss.target=rating", "loss.threshold=4"), r"model=mf \(loss=bce\)"),
        (("model=itemknn",), "model=itemknn"),
    ],
)
def test_scores_that_are_no_ratings_are_not_compared_with_them(
    words: tuple[str, ...], named: str, rated: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    done = command(*RMSE, f"data.path={rated}", "references=[]", *words, cwd=tmp_path)
    assert done.returncode == 2
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("rexp: "))
    assert re.search(f"row_metrics has rmse, which compares scores with ratings, but the scores of {named} are", line)


def test_means_of_ratings_stand_beside_a_model_of_ratings(
    rated: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    words = (f"data.path={rated}", "model=itemknn", "model.predict=ratings", "evaluate.clip=true")
    done = command(*RMSE, *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    values = {}
    for line in done.stdout.splitlines():
        name, *cells = line.split()[:3] or [""]
        if name in ("itemknn", "mean", "bias", "pop"):
            values[name] = float(cells[1])
    # Items are all rated alike, so that what they differ by explains most.
    assert set(values) == {"itemknn", "mean", "bias"}
    assert values["bias"] < values["mean"]
