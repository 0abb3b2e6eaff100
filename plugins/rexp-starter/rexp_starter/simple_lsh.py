"""Hashing for inner products by signs of random projections (Neyshabur and Srebro, ICML 2015, Simple-LSH)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from zipfile import BadZipFile

import numpy as np

from rexp.api import StoreError

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class SimpleLSHConfig:
    """Options of :class:`SimpleLSH`.

    Args:
        bits: projections, a multiple of 8.
        shortlist: items nearest by their signs that are scored exactly, times the number that is asked for.
        seed: of the projections.
    """

    bits: int = 256
    shortlist: float = 10.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.bits < 8 or self.bits % 8:
            raise ValueError(f"bits={self.bits} must be a multiple of 8")
        if self.shortlist < 1:
            raise ValueError(f"shortlist={self.shortlist} must be at least 1")


class SimpleLSH:
    """Items are scaled into the unit ball and lifted onto the sphere by one more coordinate, where the angle to a query
    orders them as the inner product does; the share of unlike signs estimates the angle. The shortlist by signs is
    sorted by the inner products themselves, equal ones by item."""

    Config: ClassVar[type] = SimpleLSHConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)
    searched_with: ClassVar[frozenset[str]] = frozenset({"shortlist"})

    def __init__(self, config: SimpleLSHConfig) -> None:
        self.config = config

    @property
    def nbytes(self) -> int:
        """Bytes of vectors, signs and projections."""
        return self.vectors.nbytes + self.signs.nbytes + self.projections.nbytes

    def build(self, vectors: Array) -> None:
        """Take the signs of (I, D) vectors."""
        generator = np.random.default_rng(self.config.seed)
        self.projections = generator.standard_normal((vectors.shape[1] + 1, self.config.bits)).astype(np.float32)
        longest = np.linalg.norm(vectors, axis=1).max(initial=0)
        scaled = vectors / (longest or 1)
        lift = np.sqrt(np.maximum(1 - np.square(scaled).sum(1, keepdims=True), 0))
        self.vectors, self.signs = vectors, self._signs(np.concatenate([scaled, lift], 1))

    def search(self, queries: Array, n: int) -> tuple[Array, Array]:
        """Scores (B, n) and items (B, n) of (B, D) queries, best first."""
        wide = min(len(self.vectors), max(n, round(n * self.config.shortlist)))
        signs = self._signs(np.pad(queries, ((0, 0), (0, 1))))
        scores, items = np.empty((len(queries), n), np.float32), np.empty((len(queries), n), np.int64)
        for row, (query, own) in enumerate(zip(queries, signs, strict=True)):
            unlike = np.bitwise_count(self.signs ^ own).sum(1, dtype=np.int32)
            near = np.sort(np.argsort(unlike, kind="stable")[:wide])
            exact = self.vectors[near] @ query
            best = np.argsort(-exact, kind="stable")[:n]
            scores[row], items[row] = exact[best], near[best]
        return scores, items

    def save(self, path: Path) -> None:
        """Write arrays, as numpy does."""
        with path.open("wb") as file:
            np.savez(file, vectors=self.vectors, signs=self.signs, projections=self.projections)

    def load(self, path: Path) -> None:
        """Take the arrays.

        Raises:
            StoreError: the file holds something else.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                self.vectors, self.signs = arrays["vectors"], arrays["signs"]
                self.projections = arrays["projections"]
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise StoreError(f"{path} is no index of simple_lsh ({type(error).__name__}); delete it") from error

    def _signs(self, lifted: Array) -> Array:
        """(N, bits / 8) uint8, a bit for each projection."""
        return np.packbits(lifted @ self.projections >= 0, axis=1)
