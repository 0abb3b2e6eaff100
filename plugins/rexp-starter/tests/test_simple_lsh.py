"""The index against exact search."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rexp_starter.simple_lsh import SimpleLSH, SimpleLSHConfig

from rexp.api import StoreError

GENERATOR = np.random.default_rng(0)
VECTORS = (GENERATOR.standard_normal((500, 8)) * GENERATOR.uniform(0.1, 3, (500, 1))).astype(np.float32)
QUERIES = GENERATOR.standard_normal((40, 8)).astype(np.float32)


def built(**options: float) -> SimpleLSH:
    index = SimpleLSH(replace(SimpleLSHConfig(), **options))
    index.build(VECTORS)
    return index


def recall(index: SimpleLSH, n: int = 10) -> float:
    exact = np.argsort(-(QUERIES @ VECTORS.T), axis=1)[:, :n]
    found = index.search(QUERIES, n)[1]
    return float(np.mean([len(set(own) & set(other)) / n for own, other in zip(exact, found, strict=True)]))


def test_a_shortlist_of_everything_is_exact_search() -> None:
    scores, items = built(shortlist=50).search(QUERIES, 10)
    np.testing.assert_allclose(scores, -np.sort(-(QUERIES @ VECTORS.T), axis=1)[:, :10], rtol=1e-4, atol=1e-5)
    assert recall(built(shortlist=50)) > 0.99
    assert (items.dtype, items.shape) == (np.int64, (40, 10))


def test_more_bits_and_longer_lists_find_more() -> None:
    assert recall(built(bits=8, shortlist=1)) < recall(built(bits=512, shortlist=1)) - 0.2
    assert recall(built(shortlist=10)) > max(0.9, recall(built(shortlist=1)) + 0.2)


def test_the_lift_makes_norms_count() -> None:
    """Of two items in one direction the longer one comes first, by its signs alone."""
    pair = np.array([[0.1, 0.0], [1.0, 0.0]], np.float32)
    index = SimpleLSH(SimpleLSHConfig(bits=256, shortlist=1))
    index.build(pair)
    assert index.search(np.array([[1.0, 0.0]], np.float32), 1)[1].tolist() == [[1]]


def test_it_comes_back_from_its_file(tmp_path: Path) -> None:
    index, other = built(), SimpleLSH(SimpleLSHConfig())
    index.save(tmp_path / "index")
    other.load(tmp_path / "index")
    for own, found in zip(index.search(QUERIES, 7), other.search(QUERIES, 7), strict=True):
        np.testing.assert_array_equal(own, found)
    (tmp_path / "index").write_bytes(b"PK")
    with pytest.raises(StoreError, match="no index of simple_lsh"):
        other.load(tmp_path / "index")
