"""Search among shortened vectors, and exact scores of what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class ShortenedConfig:
    """Options of :class:`Shortened`.

    Args:
        dim: numbers that are kept of a vector.
        refine: items that are scored exactly, times the number that is asked for.
    """

    dim: int = 16
    refine: int = 8

    def __post_init__(self) -> None:
        if min(self.dim, self.refine) < 1:
            raise ValueError("dim and refine must be 1 or more")


class Shortened:
    """Vectors on their first ``dim`` principal axes, which hold most of a score."""

    Config: ClassVar[type] = ShortenedConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)

    def __init__(self, config: ShortenedConfig) -> None:
        self.config = config

    def build(self, vectors: Array) -> None:
        """Index (I, D) vectors."""
        self.vectors, self.axes = vectors, np.linalg.svd(vectors, full_matrices=False)[2][: self.config.dim].T

    def search(self, queries: Array, n: int) -> tuple[Array, Array]:
        """Scores (B, n) and items (B, n) of (B, D) queries, best first."""
        rough = (queries @ self.axes) @ (self.vectors @ self.axes).T
        found = np.sort(np.argsort(-rough, axis=1, kind="stable")[:, : n * self.config.refine], axis=1)
        scores = np.einsum("bd,bnd->bn", queries, self.vectors[found])
        best = np.argsort(-scores, axis=1, kind="stable")[:, :n]
        return np.take_along_axis(scores, best, 1), np.take_along_axis(found, best, 1)

    def save(self, path: Path) -> None:
        """Write the index to this file."""
        with path.open("wb") as file:
            np.savez(file, vectors=self.vectors, axes=self.axes)

    def load(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as arrays:
            self.vectors, self.axes = arrays["vectors"], arrays["axes"]
