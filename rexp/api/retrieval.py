"""Retrievers: indexes of item vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    import numpy as np


class Retriever(Protocol):
    """An index of item vectors that finds candidates."""

    Config: ClassVar[type]

    def __init__(self, config: Any) -> None: ...

    def build(self, vectors: np.ndarray[Any, Any]) -> None:
        """Index (I, D) float32 item vectors; item i is row i."""
        ...

    def search(self, queries: np.ndarray[Any, Any], n: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Scores (B, n) float32, best first, and items (B, n) int64, -1 where fewer are found, of (B, D) queries."""
        ...

    def save(self, path: Path) -> None:
        """Write the index to a file."""
        ...

    def load(self, path: Path) -> None:
        """Take the index from a file that :meth:`save` wrote, memory-mapped where the index allows it."""
        ...
