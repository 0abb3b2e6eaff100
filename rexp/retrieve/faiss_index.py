"""Base class of FAISS indexes: vector preparation, deterministic training, search and files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rexp.errors import ConfigError, StoreError
from rexp.retrieve.device import MOST_ON_GPU, on_gpu

if TYPE_CHECKING:
    from rexp.retrieve.options import Options

Array = np.ndarray[Any, Any]


class FaissIndex:
    """An index that FAISS makes from a description in its own short language (``index_factory``).

    A kind says ``describe`` and, where it has something to set on the index, ``tune``. Inner product and cosine are
    one metric to FAISS: for cosine the vectors are given length 1.

    Args:
        config: the kind's options.
    """

    lifts: ClassVar[bool] = False
    """Vectors get one more coordinate that makes all norms equal, see :func:`lifted`."""
    searched_with: ClassVar[frozenset[str]] = frozenset({"device"})
    """Options that are read when searching: they may change without building again."""

    def __init__(self, config: Any) -> None:
        self.config: Options = config
        self.notes: list[str] = []
        """What was chosen otherwise than asked for, or than usual, one line each."""
        self._index: Any = None
        self._searcher: Any = None

    def describe(self, n_items: int, dim: int) -> str:
        """The index for ``n_items`` vectors of size ``dim``, as ``faiss.index_factory`` reads it.

        Raises:
            ConfigError: options that these vectors cannot meet.
        """
        raise NotImplementedError

    def width(self, dim: int) -> int:
        """The size to which vectors of size ``dim`` are padded with zeros; no inner product changes by it."""
        return dim

    def tune(self, index: Any) -> None:
        """Set what the description cannot say, before training and after loading."""

    def build(self, vectors: Array) -> None:
        """Index (I, D) float32 vectors; item i is row i.

        Raises:
            ConfigError: the options do not go with so many vectors of this size.
        """
        faiss = library()
        if self.lifts and self.config.metric == "ip":
            vectors = lifted(vectors)
        n_items, dim = vectors.shape
        width = self.width(dim)
        if width > dim:
            self.notes.append(f"vectors of size {dim} are padded with zeros to {width}")
        description = self.describe(n_items, width)
        rows = self._ready(vectors, width)
        try:
            index = faiss.index_factory(width, description, faiss.METRIC_INNER_PRODUCT)
            silence_clustering(index)
            self.tune(index)
            index.train(rows)
            add(index, rows)
        except RuntimeError as error:
            raise ConfigError(
                f"FAISS cannot build '{description}' of {n_items} vectors of size {width}: {reason(error)}; "
                "choose other options of the retriever, or retriever=flat"
            ) from error
        self._take(index)

    def search(self, queries: Array, n: int) -> tuple[Array, Array]:
        """Scores (B, n) float32, best first, and items (B, n) int64, -1 where the index reaches fewer, of (B, D).

        Where inverted lists are searched and those probed hold fewer than ``n``, more are probed for that query.
        """
        library()
        rows = self._ready(queries, self._index.d)
        searcher = self._index if n > MOST_ON_GPU else self._searcher
        scores, items = searcher.search(rows, n)
        lists = inverted_lists(searcher)
        if lists is None:
            return scores, items
        usual, last = lists.nprobe, min(n, self._index.ntotal) - 1
        try:
            while lists.nprobe < lists.nlist and len(short := np.flatnonzero(items[:, last] < 0)):
                lists.nprobe = min(2 * lists.nprobe, lists.nlist)
                scores[short], items[short] = searcher.search(rows[short], n)
        finally:
            lists.nprobe = usual
        return scores, items

    def save(self, path: Path) -> None:
        """Write the index to a file."""
        library().write_index(self._index, str(path))

    def load(self, path: Path) -> None:
        """Take the index from a file; its arrays stay in the file and are read when they are needed.

        Raises:
            StoreError: the file is no index.
        """
        faiss = library()
        # Older versions map inverted lists only.
        mapped = getattr(faiss, "IO_FLAG_MMAP_IFC", faiss.IO_FLAG_MMAP)
        try:
            index = faiss.read_index(str(path), mapped)
        except RuntimeError as error:
            raise StoreError(f"{path} is no index that FAISS can read: {reason(error)}; delete it") from error
        self.tune(index)
        self._take(index)

    @property
    def nbytes(self) -> int:
        """Bytes of the index, as it is written."""
        return int(library().serialize_index(self._index).nbytes)

    def _take(self, index: Any) -> None:
        self._index = index
        self._searcher = on_gpu(index, self.config.device, self.notes)

    def _ready(self, vectors: Array, width: int) -> Array:
        rows = np.ascontiguousarray(vectors, dtype=np.float32)
        if self.config.metric == "cosine":
            lengths = np.linalg.norm(rows, axis=1, keepdims=True)
            rows = rows / np.maximum(lengths, np.finfo(np.float32).tiny)
        return np.pad(rows, ((0, 0), (0, width - rows.shape[1]))) if width > rows.shape[1] else rows


def library() -> Any:
    """FAISS, working with as many threads as torch."""
    import faiss
    import torch

    faiss.omp_set_num_threads(torch.get_num_threads())
    return faiss


def lifted(vectors: Array) -> Array:
    """(I, D + 1): vectors with what their squared norm lacks to the largest, under a root, as one more coordinate.

    All norms being equal, inner products order items as distances do; a query has 0 there, and its scores are the same
    (Bachrach et al., Speeding up the Xbox recommender system, RecSys 2014).
    """
    squares = np.square(vectors, dtype=np.float32).sum(1, keepdims=True)
    return np.concatenate([vectors, np.sqrt(squares.max(initial=0) - squares)], 1)


def add(index: Any, rows: Array) -> None:
    """Add vectors; to a graph in one thread, since its edges depend on the order in which nodes come."""
    faiss = library()
    try:
        if "HNSW" in type(index).__name__:
            faiss.omp_set_num_threads(1)
        index.add(rows)
    finally:
        library()


def inverted_lists(index: Any) -> Any:
    """The part of an index that holds inverted lists, or None."""
    return index if hasattr(index, "nprobe") else library().try_extract_index_ivf(index)


def silence_clustering(index: Any) -> None:
    """Keep FAISS from warning, line after line, of few vectors a cluster: sizes are chosen, and said, before."""
    faiss = library()
    parts = [index, inverted_lists(index), getattr(index, "base_index", None)]
    for part in (faiss.downcast_index(part) for part in parts if part is not None):
        for owner in (part, getattr(part, "pq", None)):
            if clustering := getattr(owner, "cp", None):
                clustering.min_points_per_centroid = 1
        for place in range(part.chain.size() if hasattr(part, "chain") else 0):
            rotation = faiss.downcast_VectorTransform(part.chain.at(place))
            if isinstance(rotation, faiss.OPQMatrix):  # it trains a quantizer of its own, this one if it is given
                rotation.pq = quantizer = faiss.ProductQuantizer(rotation.d_out, rotation.M, 8)
                quantizer.cp.min_points_per_centroid = 1
                quantizer.this.disown()  # the rotation holds on to it


def reason(error: RuntimeError) -> str:
    """FAISS's own words, without the place in its source."""
    text = str(error)
    return text.partition(": Error: ")[2] or text.rpartition(": ")[2]
