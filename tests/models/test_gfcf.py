"""GF-CF against its formula, multiplied out with dense matrices."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rexp.models.gfcf import GFCF, GFCFConfig

from .closed_form import check_closed_form, everyone, fitted, lonely, ones, unseen_of_own_taste
from .helpers import two_tastes

if TYPE_CHECKING:
    from rexp.data.split import Split


def dense_gfcf(split: Split, alpha: float, factors: int) -> np.ndarray[Any, Any]:
    matrix = ones(split)
    users, items = (np.maximum(matrix.sum(axis), 1e-300) for axis in (1, 0))
    normal = matrix / np.sqrt(users)[:, None] / np.sqrt(items)
    right = np.linalg.svd(normal)[2][:factors]
    ideal = np.diag(items**-0.5) @ right.T @ right @ np.diag(items**0.5)
    return matrix @ (normal.T @ normal + alpha * ideal)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 2.0])
def test_it_is_its_formula(alpha: float) -> None:
    split = two_tastes(n_items=30)  # the last item of 31 is taken by nobody, and has no degree
    found = everyone(fitted(GFCF, split, alpha=alpha, factors=5), split).numpy()
    np.testing.assert_allclose(found, dense_gfcf(split, alpha, 5), rtol=1e-4, atol=1e-5)


def test_it_finds_the_tastes() -> None:
    split = two_tastes()
    assert unseen_of_own_taste(fitted(GFCF, split, factors=4), split) == 1


def test_what_was_never_taken_gets_zero() -> None:
    scores = everyone(fitted(GFCF, lonely(), factors=3), lonely())
    assert not scores[4].any()
    assert not scores[:, 4].any()


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    check_closed_form(GFCF, lonely(), tmp_path, factors=3)


@pytest.mark.parametrize("options", [{"alpha": -0.1}, {"factors": 0}])
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        GFCFConfig(**options)


@pytest.mark.slow
@pytest.mark.skipif("REXP_LONG" not in os.environ, reason="takes minutes; REXP_LONG=1 runs it")
def test_the_published_figures_on_gowalla(tmp_path: Path) -> None:
    """Minutes: the decomposition of 29,858 x 40,981, and a pass over all users."""
    if "REXP_DATA" not in os.environ:
        pytest.skip("REXP_DATA does not say where gowalla lies")
    options = [
        "experiment=gowalla_gfcf",
        "track=none",
        "measure.latency=false",
        "references=[]",
        f"paths.store={tmp_path / 'store'}",
    ]
    subprocess.run([sys.executable, "-m", "rexp", *options], check=True, cwd=tmp_path, capture_output=True)
    (result,) = (tmp_path / "store").glob("*/result.json")
    metrics = json.loads(result.read_bytes())["metrics"]
    assert metrics["recall@20"] == pytest.approx(0.1849, abs=0.001)
    assert metrics["ndcg@20"] == pytest.approx(0.1518, abs=0.001)
