"""Factors of cold items, from their content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rexp.api import Capability
from rexp.models.content_map import ContentMap, ContentMapConfig
from rexp.models.puresvd import PureSVD
from rexp.nn.content import mapped

from .closed_form import fitted
from .described import described, members, units, weighted
from .helpers import check_capabilities


def ridge(content: np.ndarray[Any, Any], vectors: np.ndarray[Any, Any], l2: float) -> np.ndarray[Any, Any]:
    """What the first five rows say of all, by the normal equations."""
    x, y = content[:5] - content[:5].mean(0), vectors[:5] - vectors[:5].mean(0)
    weights = np.linalg.solve(x.T @ x + l2 * np.eye(x.shape[1]), x.T @ y)
    found: np.ndarray[Any, Any] = (content - content[:5].mean(0)) @ weights + vectors[:5].mean(0)
    return found


@pytest.mark.parametrize("how", ["bow", "svd"])
@pytest.mark.parametrize("warm", ["own", "mapped"])
def test_cold_items_are_mapped(how: str, warm: str, tmp_path: Path) -> None:
    split = described(tmp_path)
    model = fitted(ContentMap, split, how=how, warm=warm, solver="puresvd", factors=3, l2=0.5)
    factors = fitted(PureSVD, split, factors=3)
    content = units(members()) if how == "bow" else weighted()
    expected = ridge(content, factors.items.double().numpy(), 0.5)
    if warm == "own":
        expected[:5] = factors.items[:5]
    torch.testing.assert_close(model.users, factors.users)
    np.testing.assert_allclose(model.items, expected, atol=1e-5)
    assert Capability.COLD_ITEMS in model.capabilities()
    assert check_capabilities(model, split.spec).isfinite().all()


def test_factors_of_alternating_least_squares_are_the_default(tmp_path: Path) -> None:
    split = described(tmp_path)
    model = fitted(ContentMap, split, factors=2)
    assert model.items[5:].abs().sum() > 0
    assert ContentMapConfig().solved_by().alpha == 1.0  # type: ignore[union-attr]


def test_a_map_that_fits_exactly_is_found() -> None:
    content = np.random.default_rng(0).normal(size=(40, 5))
    weights = np.random.default_rng(1).normal(size=(5, 3))
    found = mapped(content, content @ weights + 2, np.arange(40) < 30, 1e-9)
    np.testing.assert_allclose(found, content @ weights + 2, atol=1e-4)


@pytest.mark.parametrize("options", [{"l2": 0.0}, {"factors": 0}, {"alpha": -1.0}])
def test_impossible_options_are_refused(options: Any) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        ContentMapConfig(**options)
