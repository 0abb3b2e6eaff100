"""Clustered vectors, and retrievers by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from rexp.plugins import registry
from rexp.plugins.options import from_options

Array = np.ndarray[Any, Any]


def clustered(n: int = 2000, dim: int = 33, seed: int = 0) -> tuple[Array, Array]:
    """Items and 50 queries around the same forty centres, of unlike norms; no index divides this size evenly."""
    rng = np.random.default_rng(seed)
    centres = 2 * rng.standard_normal((40, dim))

    def around(count: int) -> Array:
        points = centres[rng.integers(0, 40, count)] + rng.standard_normal((count, dim))
        return (points * rng.uniform(0.5, 1.5, (count, 1))).astype(np.float32)

    return around(n), around(50)


def typed(name: str, **options: Any) -> Any:
    """A retriever's typed configuration."""
    return from_options(registry.load("retriever", name).Config, options, "retriever")  # type: ignore[attr-defined]


def built(name: str, vectors: Array, **options: Any) -> Any:
    """A retriever over these vectors."""
    retriever: Any = registry.load("retriever", name)(typed(name, **options))
    retriever.build(vectors)
    return retriever


def exact(vectors: Array, queries: Array, n: int, metric: str = "ip") -> tuple[Array, Array]:
    """Scores and items by sorting."""
    if metric == "cosine":
        vectors, queries = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (vectors, queries))
    scores = queries @ vectors.T
    items = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    return np.take_along_axis(scores, items, 1), items


def share_found(found: Array, wanted: Array) -> float:
    """The mean share of ``wanted`` (B, n) among ``found`` (B, n)."""
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found.tolist(), wanted.tolist(), strict=True)]))
