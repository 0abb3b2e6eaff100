"""Vectors as bits, compared by Hamming distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from rexp.errors import StoreError
from rexp.retrieve.faiss_index import Array, library, lifted, reason

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class BinaryOptions:
    """Options of :class:`Binary`.

    Args:
        metric: "ip", the inner product, or "cosine".
        bits: of a code, a multiple of 8.
        seed: of the random directions.
    """

    metric: Literal["ip", "cosine"] = "ip"
    bits: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        if self.bits < 8 or self.bits % 8:
            raise ValueError(f"bits={self.bits} must be a multiple of 8, 8 or more")


class Binary:
    """The signs of random projections (Charikar, STOC 2002): two codes differ in as many bits as their vectors' angle
    has to 180 degrees. For inner products vectors are lifted before (Neyshabur and Srebro, ICML 2015).

    No vector is kept; whoever ranks the candidates scores them exactly.

    Args:
        config: see :class:`BinaryOptions`.
    """

    Config: ClassVar[type] = BinaryOptions

    def __init__(self, config: BinaryOptions) -> None:
        self.config = config
        self._index: Any = None

    def build(self, vectors: Array) -> None:
        """Index (I, D) float32 vectors; item i is row i."""
        self._index = library().IndexBinaryFlat(self.config.bits)
        self._index.add(self._encode(lifted(vectors) if self.config.metric == "ip" else vectors))

    def search(self, queries: Array, n: int) -> tuple[Array, Array]:
        """Cosines (B, n) float32 that the codes stand for, best first, and items (B, n) int64, of (B, D) queries."""
        library()
        rows = np.pad(queries, ((0, 0), (0, 1))) if self.config.metric == "ip" else queries
        distances, items = self._index.search(self._encode(rows), n)
        return np.cos(np.pi * distances.astype(np.float32) / self.config.bits), items

    def save(self, path: Path) -> None:
        """Write the codes to a file; the directions follow from the options."""
        library().write_index_binary(self._index, str(path))

    def load(self, path: Path) -> None:
        """Take the codes from a file.

        Raises:
            StoreError: the file is no index.
        """
        try:
            self._index = library().read_index_binary(str(path))
        except RuntimeError as error:
            raise StoreError(f"{path} is no index that FAISS can read: {reason(error)}; delete it") from error

    @property
    def nbytes(self) -> int:
        """Bytes of the index, as it is written."""
        return int(library().serialize_index_binary(self._index).nbytes)

    def _encode(self, rows: Array) -> Array:
        """(N, bits / 8) uint8 of (N, D)."""
        random = np.random.default_rng(self.config.seed)
        directions = random.standard_normal((rows.shape[1], self.config.bits), dtype=np.float32)
        return np.packbits(rows.astype(np.float32) @ directions > 0, axis=1)
