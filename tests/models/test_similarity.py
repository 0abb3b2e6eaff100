"""Similarities: by hand, and against their definitions written pair by pair."""

from __future__ import annotations

from math import log, sqrt
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from rexp.models import _similarity
from rexp.models._similarity import Similarity, strongest, weighted

# Columns: x = (2, 0, 1), y = (1, 3, 0), one that is empty.
SMALL = csr_array(np.array([[2.0, 1, 0], [0, 3, 0], [1, 0, 0]]))
BY_HAND = [
    ({"similarity": "cosine"}, 2 / sqrt(5 * 10), 2 / sqrt(5 * 10)),
    ({"similarity": "cosine", "shrink": 3.0}, 2 / (sqrt(50) + 3), 2 / (sqrt(50) + 3)),
    ({"similarity": "cosine", "normalize": False, "shrink": 3.0}, 2, 2),
    ({"similarity": "asymmetric", "asymmetric_alpha": 0.25}, 2 / (5**0.25 * 10**0.75), 2 / (10**0.25 * 5**0.75)),
    # Less their means, x = (.5, -, -.5) and y = (-1, 1, -).
    ({"similarity": "pearson"}, -0.5 / sqrt(0.5 * 2), -0.5 / sqrt(0.5 * 2)),
    ({"similarity": "jaccard"}, 1 / 3, 1 / 3),
    ({"similarity": "jaccard", "shrink": 1.0}, 1 / 4, 1 / 4),
    ({"similarity": "dice"}, 1 / 4, 1 / 4),
]


@pytest.mark.parametrize(("options", "of_x", "of_y"), BY_HAND)
def test_by_hand(options: dict[str, Any], of_x: float, of_y: float) -> None:
    expected = [[0, of_x, 0], [of_y, 0, 0], [0, 0, 0]]
    found = Similarity(**options).of(SMALL)
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-6)
    assert found.nnz == 2


def pair(one: Similarity, x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> float:
    """The similarity of a column x to a column y, from the definition."""
    in_x, in_y = {*np.flatnonzero(x)}, {*np.flatnonzero(y)}
    common = len(in_x & in_y)
    if one.similarity == "pearson":
        x = np.array([value - x[x != 0].mean() if value else 0 for value in x])
        y = np.array([value - y[y != 0].mean() if value else 0 for value in y])
    a = one.asymmetric_alpha if one.similarity == "asymmetric" else 0.5
    by_name = {
        "jaccard": (common, len(in_x | in_y)),
        "dice": (common, len(in_x) + len(in_y)),
        "tversky": (common, common + one.tversky_alpha * len(in_y - in_x) + one.tversky_beta * len(in_x - in_y)),
    }
    over, under = by_name.get(
        one.similarity, (x @ y, np.linalg.norm(y) ** (2 * a) * np.linalg.norm(x) ** (2 * (1 - a)))
    )
    return float(over / (under + one.shrink))


@pytest.mark.parametrize("name", ["cosine", "pearson", "asymmetric", "jaccard", "dice", "tversky"])
@pytest.mark.parametrize("shrink", [0.0, 7.5])
def test_pair_by_pair(name: Any, shrink: float, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    matrix = random.integers(1, 6, (40, 17)) * (random.random((40, 17)) < 0.4)
    one = Similarity(name, shrink, 5, asymmetric_alpha=0.3, tversky_alpha=0.2, tversky_beta=1.5)
    whole = np.array([[pair(one, x, y) for x in matrix.T] for y in matrix.T])
    np.fill_diagonal(whole, 0)
    found = one.of(csr_array(matrix)).toarray()
    largest = np.sort(np.maximum(whole, 0), axis=1)[:, -5:]  # of equal ones at the cut, either may be kept
    np.testing.assert_allclose(np.sort(np.maximum(found, 0), axis=1)[:, -5:], largest, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(found, np.where(found, whole, 0), rtol=1e-5, atol=1e-9)
    assert (np.count_nonzero(found, axis=1) <= 5).all()
    monkeypatch.setattr(_similarity, "CELLS_AT_ONCE", 17 * 3)  # blocks of 3, 3, 3, 3, 3, 2 columns
    np.testing.assert_array_equal(one.of(csr_array(matrix)).toarray(), found)


def test_the_strongest_keep_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    dense = np.array([[9.0, 1, 0, 3], [4, 9, 2, 3], [0, 0, 9, 0], [-1, -2, -3, 9]])
    monkeypatch.setattr(_similarity, "CELLS_AT_ONCE", 4)
    found = strongest(lambda start, end: dense[start:end].copy(), 4, 2)
    assert found.toarray().tolist() == [[0, 1, 0, 3], [4, 0, 0, 3], [0, 0, 0, 0], [-1, 0, 0, 0]]
    assert found.dtype == np.float32
    assert strongest(lambda start, end: dense[start:end].copy(), 4, 100).nnz == 8


def test_the_matrix_is_left_alone() -> None:
    matrix = csr_array(np.array([[2.0, 1], [3, 0]]))
    for name in ("jaccard", "pearson"):
        Similarity(name).of(matrix)
    weighted(matrix, "bm25")
    assert matrix.toarray().tolist() == [[2, 1], [3, 0]]


def test_weights_by_hand() -> None:
    matrix = csr_array(np.array([[1.0, 1, 0], [0, 4, 0], [0, 0, 0]], np.float32))
    first, second = log(3 / 3), log(3 / 2)  # the user 0 took two of three items, the user 1 one
    np.testing.assert_allclose(
        weighted(matrix, "tf_idf").toarray(), [[first, first, 0], [0, 2 * second, 0], [0, 0, 0]], rtol=1e-6
    )
    # The items' sums are 1, 5 and 0, their mean is 2; k1 = 1.2 and b = .75.
    length = 0.25 + 0.75 * 5 / 2
    expected = 4 * 2.2 / (4 + 1.2 * length) * second
    np.testing.assert_allclose(weighted(matrix, "bm25").toarray(), [[0, 0, 0], [0, expected, 0], [0, 0, 0]], rtol=1e-6)
    assert weighted(matrix, "none") is matrix


@pytest.mark.parametrize(
    "options", [{"top_k": 0}, {"shrink": -1.0}, {"asymmetric_alpha": 1.5}, {"tversky_alpha": -1.0}]
)
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Similarity(**options)
