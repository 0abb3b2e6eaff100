"""Closed-form models of vectors: each against a dense computation of its own, on data with two tastes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from threadpoolctl import threadpool_limits

from rexp.api import Capability
from rexp.models.ials import IALS, IALSConfig
from rexp.models.nmf import NMF, NMFConfig
from rexp.models.puresvd import PureSVD, PureSVDConfig

from .closed_form import everyone, lonely, ones, unseen_of_own_taste
from .helpers import check_capabilities, two_tastes

if TYPE_CHECKING:
    from rexp.data.split import Split

MODELS = [(PureSVD, {"factors": 4}), (NMF, {"factors": 4}), (IALS, {"factors": 4, "iterations": 5})]
each = pytest.mark.parametrize(("model_class", "options"), MODELS, ids=lambda value: getattr(value, "__name__", ""))


def fitted(model_class: Any, split: Split, seed: int = 0, **options: Any) -> Any:
    model = model_class(model_class.Config(**options), split.spec)
    model.fit(split, torch.Generator().manual_seed(seed))
    return model


@each
def test_it_finds_the_tastes(model_class: Any, options: dict[str, Any]) -> None:
    split = two_tastes()
    assert unseen_of_own_taste(fitted(model_class, split, **options), split) == 1


@each
def test_every_way_to_score_agrees_and_comes_back_from_the_disk(
    model_class: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    split = lonely()
    model = fitted(model_class, split, **options)
    assert {Capability.FITS_DIRECTLY, Capability.EMBEDS, Capability.DOT_PRODUCT} <= model.capabilities()
    assert check_capabilities(model, split.spec).isfinite().all()
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    again = model_class(model_class.Config(**options), split.spec)
    again.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(everyone(again, split), everyone(model, split))
    assert torch.equal(everyone(fitted(model_class, split, **options), split), everyone(model, split))


@each
def test_who_took_nothing_and_what_nobody_took_get_zero(model_class: Any, options: dict[str, Any]) -> None:
    split = lonely()
    scores = everyone(fitted(model_class, split, **options), split)
    assert scores[4].abs().max() < 1e-5
    assert scores[:, 4].abs().max() < 1e-5


def test_puresvd_is_the_best_matrix_of_its_rank() -> None:
    split = two_tastes()
    matrix = ones(split)
    left, values, right = np.linalg.svd(matrix)
    expected = left[:, :5] * values[:5] @ right[:5]
    found = everyone(fitted(PureSVD, split, factors=5, iterations=20), split).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(matrix @ right[:5].T @ right[:5], expected, atol=1e-9)


def test_puresvd_takes_no_more_factors_than_there_are() -> None:
    split = lonely()
    found = everyone(fitted(PureSVD, split, factors=50, iterations=20), split).numpy()
    np.testing.assert_allclose(found, ones(split), atol=1e-4)


@pytest.mark.parametrize("options", [{}, {"solver": "mu", "init": "random", "max_iterations": 500}])
def test_nmf_is_near_and_never_negative(options: dict[str, Any]) -> None:
    split = two_tastes()
    model = fitted(NMF, split, factors=6, **options)
    assert (model.users >= 0).all()
    assert (model.items >= 0).all()
    matrix = ones(split)
    error = np.linalg.norm(everyone(model, split).numpy() - matrix)
    values = np.linalg.svd(matrix, compute_uv=False)
    best = np.sqrt((values[6:] ** 2).sum())
    assert best <= error < 1.15 * best


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
def test_ials_solves_its_normal_equations(scaling: Any) -> None:
    split = two_tastes()
    config = IALSConfig(factors=3, iterations=4, regularization=0.1, alpha=5.0, scaling=scaling, epsilon=2.0)
    start = torch.rand(split.n_items, 3, generator=torch.Generator().manual_seed(0)) / 3**0.5
    model = IALS(config, split.spec)
    model.fit(split, torch.Generator().manual_seed(0))
    expected = dense_ials(split, config, start.double().numpy())
    np.testing.assert_allclose(everyone(model, split).numpy(), expected, atol=2e-4)


def test_ials_is_silent_and_the_same_where_blas_has_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    split = two_tastes()
    alone = everyone(fitted(IALS, split, factors=3), split)
    monkeypatch.setattr("implicit.utils._checked_blas_config", False)  # it looks once in a process
    with threadpool_limits(2, "blas"):
        assert torch.equal(everyone(fitted(IALS, split, factors=3), split), alone)


def test_the_confidence_of_ials() -> None:
    assert IALSConfig(alpha=50, epsilon=10, scaling="log").confidence == pytest.approx(1 + 50 * np.log(1.1))
    assert IALSConfig(alpha=50).confidence == 51


def test_conjugate_gradients_come_close() -> None:
    split = two_tastes()
    exact, near = (fitted(IALS, split, factors=3, solver=solver) for solver in ("exact", "cg"))
    assert (everyone(exact, split) - everyone(near, split)).abs().max() < 0.05


@pytest.mark.parametrize(
    ("config", "options"),
    [
        (PureSVDConfig, {"factors": 0}),
        (NMFConfig, {"loss": "kullback-leibler"}),
        (NMFConfig, {"alpha": -1.0}),
        (NMFConfig, {"max_iterations": 0}),
        (IALSConfig, {"iterations": 0}),
        (IALSConfig, {"epsilon": 0.0}),
    ],
)
def test_impossible_options_are_refused(config: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options)).split("_")[0]):
        config(**options)
