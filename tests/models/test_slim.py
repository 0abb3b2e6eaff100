"""SLIM: an elastic net an item."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rexp.api import DataSpec
from rexp.errors import ConfigError
from rexp.models.slim import SLIM, SLIMConfig

from .closed_form import check_closed_form, fitted, lonely, ones, unseen_of_own_taste
from .helpers import two_tastes


@pytest.mark.parametrize("options", [{}, {"alpha": 0.01, "positive": False, "top_k": 2}])
def test_it_is_a_closed_form_model(options: dict[str, Any], tmp_path: Path) -> None:
    check_closed_form(SLIM, lonely(), tmp_path, **options)


def test_it_learns_the_tastes() -> None:
    split = two_tastes()
    assert unseen_of_own_taste(fitted(SLIM, split, alpha=0.05), split) == 1


@pytest.mark.parametrize("positive", [True, False])
def test_it_minimizes_the_objective_of_its_paper(positive: bool) -> None:
    """By projected (or soft-thresholded) gradient steps on the interactions themselves, without scikit-learn."""
    split, alpha, share = two_tastes(n_users=60), 0.02, 0.3
    taken = ones(split)
    n_users, n_items = taken.shape
    step = n_users / np.linalg.eigvalsh(taken.T @ taken)[-1] / (1 + alpha)
    weights = np.zeros((n_items, n_items))
    for _ in range(20_000):
        gradient = taken.T @ (taken @ weights - taken) / n_users + alpha * (1 - share) * weights
        moved = weights - step * gradient
        shrunk = np.maximum(np.abs(moved) - step * alpha * share, 0) * np.sign(moved)
        weights = np.maximum(shrunk, 0) if positive else shrunk
        np.fill_diagonal(weights, 0)
    options: dict[str, Any] = {"alpha": alpha, "l1_ratio": share, "positive": positive}
    found = fitted(SLIM, split, max_iter=5000, tol=1e-9, **options).weights.scipy().toarray()
    np.testing.assert_allclose(found, weights, atol=2e-5)
    assert (found < 0).any() != positive
    assert (np.count_nonzero(found, axis=0)[:-1] < n_items - 1).all()  # L1 leaves weights out
    few = fitted(SLIM, split, top_k=3, max_iter=5000, tol=1e-9, **options).weights.scipy().toarray()
    for item in range(n_items):
        smallest_kept = np.sort(found[:, item])[-3]
        np.testing.assert_array_equal(few[:, item], np.where(found[:, item] >= smallest_kept, found[:, item], 0))


def test_the_seed_moves_nothing_that_matters() -> None:
    split = two_tastes()
    first, second = (fitted(SLIM, split, seed=seed).weights.scipy().toarray() for seed in (0, 1))
    np.testing.assert_allclose(first, second, atol=0.005)
    assert not torch.equal(torch.from_numpy(first), torch.from_numpy(second))


def test_a_catalogue_too_large_is_refused() -> None:
    with pytest.raises(ConfigError, match="max_bytes"):
        SLIM(SLIMConfig(max_bytes=1000), DataSpec(10, 12, 100))


@pytest.mark.parametrize(
    "options", [{"alpha": 0.0}, {"l1_ratio": 1.5}, {"top_k": 0}, {"max_iter": 0}, {"tol": 0.0}, {"max_bytes": 0}]
)
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        SLIMConfig(**options)
