"""Retrievers that each break one rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.testing.wrong.no_options import NoOptions


class RightRetriever:
    """Exact search."""

    Config = NoOptions

    def __init__(self, config: Any) -> None: ...

    def build(self, vectors: Any) -> None:
        self.vectors = vectors

    def search(self, queries: Any, n: int) -> tuple[Any, Any]:
        scores = queries @ self.vectors.T
        items = self.order(scores)[:, :n]
        return np.take_along_axis(scores, items, 1), items

    def order(self, scores: Any) -> Any:
        return np.argsort(-scores, axis=1, kind="stable")

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, self.vectors)

    def load(self, path: Path) -> None:
        self.vectors = np.load(path, allow_pickle=False)


class WorstFirst(RightRetriever):
    """retriever.best-first"""

    def search(self, queries: Any, n: int) -> tuple[Any, Any]:
        scores, items = super().search(queries, n)
        return scores[:, ::-1], items[:, ::-1]


class AnyItems(RightRetriever):
    """retriever.recall"""

    def search(self, queries: Any, n: int) -> tuple[Any, Any]:
        scores = queries @ self.vectors.T
        items = np.argsort(scores, axis=1, kind="stable")[:, :n][:, ::-1]
        return np.take_along_axis(scores, items, 1), items


class AddsAnEnding(RightRetriever):
    """retriever.saved"""

    def save(self, path: Path) -> None:
        np.save(path, self.vectors)


class NormalizesInPlace(RightRetriever):
    """retriever.inputs-kept"""

    def build(self, vectors: Any) -> None:
        vectors /= np.linalg.norm(vectors, axis=1).mean()
        super().build(vectors)
