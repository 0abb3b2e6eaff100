"""EASE: the closed form of its paper."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rexp.api import DataSpec
from rexp.errors import ConfigError, RunError
from rexp.models.ease import EASE, EASEConfig, inverse_of

from .closed_form import check_closed_form, everyone, fitted, lonely, ones, planted, unseen_of_own_taste
from .helpers import two_tastes


def test_it_is_a_closed_form_model(tmp_path: Path) -> None:
    check_closed_form(EASE, lonely(), tmp_path)


def test_it_learns_the_tastes() -> None:
    split = two_tastes()
    assert unseen_of_own_taste(fitted(EASE, split, l2=5.0), split) == 1


def test_by_hand() -> None:
    """Two items, 2 and 1 users, one of both: X'X + 1 = [[3, 1], [1, 2]], whose inverse is [[2, -1], [-1, 3]] / 5."""
    split = planted([(0, 0), (0, 1), (1, 0)], 2, 2)
    model = fitted(EASE, split, l2=1.0)
    torch.testing.assert_close(model.weights, torch.tensor([[0, 1 / 3], [1 / 2, 0]]))
    torch.testing.assert_close(everyone(model, split), torch.tensor([[1 / 2, 1 / 3], [0, 1 / 3]]))


def test_every_item_is_a_ridge_regression_on_the_others() -> None:
    split = two_tastes()
    taken = ones(split)
    found = fitted(EASE, split, l2=3.0).weights.numpy()
    for item in range(split.n_items):
        others = np.delete(np.arange(split.n_items), item)
        design = np.vstack([taken[:, others], np.sqrt(3.0) * np.eye(len(others))])
        target = np.concatenate([taken[:, item], np.zeros(len(others))])
        expected = np.linalg.lstsq(design, target)[0]
        np.testing.assert_allclose(found[others, item], expected, atol=1e-6)
        assert found[item, item] == 0


def test_the_inverse_takes_no_second_matrix() -> None:
    factor = np.random.default_rng(0).normal(size=(30, 30))
    matrix = factor @ factor.T + np.eye(30)
    before = matrix.copy()
    inverse = inverse_of(matrix)
    assert np.shares_memory(inverse, matrix)
    np.testing.assert_allclose(inverse @ before, np.eye(30), atol=1e-9)


def test_a_singular_matrix_is_refused() -> None:
    with pytest.raises(RunError, match="l2"):
        inverse_of(np.zeros((2, 2)))


def test_a_catalogue_too_large_is_refused_before_it_is_built() -> None:
    with pytest.raises(ConfigError, match=r"1117\.6 GiB for 316228 items.*max_bytes"):
        EASE(EASEConfig(), DataSpec(10, 316_228, 100))


@pytest.mark.parametrize("options", [{"l2": 0.0}, {"max_bytes": 0}])
def test_impossible_options_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        EASEConfig(**options)
