"""iALS against its normal equations, written out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from rexp.models.ials import IALS, IALSConfig

from .closed_form import everyone, fitted, ones
from .helpers import two_tastes

if TYPE_CHECKING:
    from rexp.data.split import Split


def dense_ials(split: Split, config: IALSConfig, items: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Users, then items, each by its normal equations, written out."""
    taken = ones(split)
    confidence = 1 + (config.confidence - 1) * taken
    penalty = config.regularization * np.eye(config.factors)
    for _ in range(config.iterations):
        users = np.stack(
            [
                np.linalg.solve((items.T * c) @ items + penalty, (items.T * c) @ p)
                for c, p in zip(confidence, taken, strict=True)
            ]
        )
        items = np.stack(
            [
                np.linalg.solve((users.T * c) @ users + penalty, (users.T * c) @ p)
                for c, p in zip(confidence.T, taken.T, strict=True)
            ]
        )
    return users @ items.T


@pytest.mark.parametrize("scaling", ["linear", "log"])
def test_it_solves_its_normal_equations(scaling: Any) -> None:
    split = two_tastes()
    config = IALSConfig(factors=3, iterations=4, regularization=0.1, alpha=5.0, scaling=scaling, epsilon=2.0)
    start = torch.rand(split.n_items, 3, generator=torch.Generator().manual_seed(0)) / 3**0.5
    model = IALS(config, split.spec)
    model.fit(split, torch.Generator().manual_seed(0))
    expected = dense_ials(split, config, start.double().numpy())
    np.testing.assert_allclose(everyone(model, split).numpy(), expected, atol=2e-4)


def test_it_is_silent_and_the_same_where_blas_has_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    split = two_tastes()
    alone = everyone(fitted(IALS, split, factors=3), split)
    monkeypatch.setattr("implicit.utils._checked_blas_config", False)  # it looks once in a process
    with threadpool_limits(2, "blas"):
        assert torch.equal(everyone(fitted(IALS, split, factors=3), split), alone)


def test_the_confidence() -> None:
    assert IALSConfig(alpha=50, epsilon=10, scaling="log").confidence == pytest.approx(1 + 50 * np.log(1.1))
    assert IALSConfig(alpha=50).confidence == 51


def test_conjugate_gradients_come_close() -> None:
    split = two_tastes()
    exact, near = (fitted(IALS, split, factors=3, solver=solver) for solver in ("exact", "cg"))
    assert (everyone(exact, split) - everyone(near, split)).abs().max() < 0.05


@pytest.mark.parametrize(
    "options", [{"factors": 0}, {"iterations": 0}, {"regularization": -1.0}, {"alpha": -1.0}, {"epsilon": 0.0}]
)
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        IALSConfig(**options)
