"""NMF: its users are the non-negative least squares of its items, and both come near the best of their rank."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import nnls
from scipy.special import kl_div

from rexp.models.nmf import NMF, NMFConfig

from .closed_form import everyone, fitted, ones
from .helpers import two_tastes


@pytest.mark.parametrize("options", [{}, {"solver": "mu", "init": "random", "max_iterations": 500}])
def test_it_is_near_and_never_negative(options: dict[str, Any]) -> None:
    split = two_tastes()
    model = fitted(NMF, split, factors=6, **options)
    assert (model.users >= 0).all()
    assert (model.items >= 0).all()
    matrix = ones(split)
    error = np.linalg.norm(everyone(model, split).numpy() - matrix)
    values = np.linalg.svd(matrix, compute_uv=False)
    best = np.sqrt((values[6:] ** 2).sum())
    assert best <= error < 1.15 * best


@pytest.mark.parametrize(("solver", "iterations"), [("cd", 5), ("mu", 20)])
def test_users_are_solved_for_the_items_found(solver: Any, iterations: int) -> None:
    """The bound ends the common solution early, but not that of the users alone."""
    split = two_tastes()
    model = fitted(NMF, split, factors=6, solver=solver, init="random", max_iterations=iterations)
    found = np.square(ones(split) - everyone(model, split).numpy()).sum(1)
    items = model.items.double().numpy()
    best = [nnls(items, row)[1] ** 2 for row in ones(split)]
    np.testing.assert_allclose(found, best, rtol=0.01, atol=0.01)


def test_each_loss_is_the_better_by_its_own_measure() -> None:
    split = two_tastes()
    taken = ones(split)
    square, divergence = (
        everyone(fitted(NMF, split, factors=6, solver="mu", loss=loss, max_iterations=2000), split).double().numpy()
        for loss in ("frobenius", "kullback-leibler")
    )
    assert np.linalg.norm(taken - square) < np.linalg.norm(taken - divergence)
    tiny = np.finfo(np.float32).tiny
    assert kl_div(taken, divergence + tiny).sum() < kl_div(taken, square + tiny).sum()


def test_a_penalty_shrinks_and_l1_makes_zeros() -> None:
    split = two_tastes()
    free, shrunk, sparse = (
        fitted(NMF, split, factors=6, alpha=alpha, l1_ratio=share) for alpha, share in ((0, 0), (0.03, 0), (0.03, 1))
    )
    assert everyone(shrunk, split).norm() < 0.9 * everyone(free, split).norm()
    assert (sparse.users == 0).sum() > 1.2 * (shrunk.users == 0).sum()


@pytest.mark.parametrize(
    "options",
    [{"factors": 0}, {"max_iterations": 0}, {"alpha": -1.0}, {"l1_ratio": 1.5}, {"loss": "kullback-leibler"}],
)
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="loss" if "loss" in options else next(iter(options))):
        NMFConfig(**options)
