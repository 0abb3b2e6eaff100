"""PureSVD against a dense decomposition."""

from __future__ import annotations

import numpy as np
import pytest

from rexp.models.puresvd import PureSVD, PureSVDConfig

from .closed_form import everyone, fitted, lonely, ones
from .helpers import two_tastes


def test_it_is_the_best_matrix_of_its_rank() -> None:
    split = two_tastes()
    matrix = ones(split)
    left, values, right = np.linalg.svd(matrix)
    expected = left[:, :5] * values[:5] @ right[:5]
    found = everyone(fitted(PureSVD, split, factors=5, iterations=20), split).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(matrix @ right[:5].T @ right[:5], expected, atol=1e-9)


def test_it_takes_no_more_factors_than_there_are() -> None:
    split = lonely()
    found = everyone(fitted(PureSVD, split, factors=50, iterations=20), split).numpy()
    np.testing.assert_allclose(found, ones(split), atol=1e-4)


@pytest.mark.parametrize("options", [{"factors": 0}, {"iterations": -1}])
def test_impossible_options_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        PureSVDConfig(**options)
