"""Similarities between the columns of a sparse matrix, of which the strongest are kept; weights of features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.sparse import csr_array, vstack

from rexp.models._quotient import quotient

Array = np.ndarray[Any, Any]
Rows = Callable[[int, int], Array]
SimilarityName = Literal["cosine", "pearson", "asymmetric", "jaccard", "dice", "tversky"]
WeightingName = Literal["none", "bm25", "tf_idf"]

CELLS_AT_ONCE = 4_000_000
"""Cells of the similarity matrix that are held dense at once: about 100 MB with what computing them takes."""


@dataclass(frozen=True)
class Similarity:
    """Similarity of two columns x, y; see :meth:`of`.

    Args:
        similarity: ``cosine`` x·y / (|x| |y|); ``pearson``, the same once each column's mean over its stored entries
            is taken off them; ``asymmetric`` x·y / (|y|^2a |x|^2(1 - a)) of a column x to the column y (Aiolli, RecSys
            2013). Of the sets X, Y of rows that the columns stand in: ``jaccard`` |X∩Y| / |X∪Y|; ``dice``
            |X∩Y| / (|X| + |Y|), as Ferrari Dacrema et al. have it, half of the usual; ``tversky``
            |X∩Y| / (|X∩Y| + a |Y \\ X| + b |X \\ Y|).
        shrink: added to the denominator, so that similarities which rest on little count less.
        top_k: neighbors of a column that are kept, the most similar ones.
        normalize: of cosine, pearson and asymmetric: false leaves out the denominator, shrink with it.
        asymmetric_alpha: a of asymmetric; 0.5 makes it the cosine.
        tversky_alpha, tversky_beta: a and b of tversky.
    """

    similarity: SimilarityName = "cosine"
    shrink: float = 0.0
    top_k: int = 100
    normalize: bool = True
    asymmetric_alpha: float = 0.5
    tversky_alpha: float = 1.0
    tversky_beta: float = 1.0

    def __post_init__(self) -> None:
        if self.top_k < 1:
            raise ValueError(f"top_k={self.top_k} must be 1 or more")
        if not 0 <= self.asymmetric_alpha <= 1:
            raise ValueError(f"asymmetric_alpha={self.asymmetric_alpha} must be between 0 and 1")
        for name in ("shrink", "tversky_alpha", "tversky_beta"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}={getattr(self, name)} must not be negative")

    def of(self, matrix: csr_array) -> csr_array:
        """Similarities of the columns of a matrix (rows, n).

        Returns:
            (n, n) float32: row y holds the ``top_k`` columns x most similar to y, without y itself and without zeros.
            Definitions are those of Ferrari Dacrema et al. (TOIS 2021), who call it the column y.
        """
        columns = self._prepared(matrix)
        by_column = columns.T.tocsr()
        squares = _squares(columns)

        def rows(start: int, end: int) -> Array:
            products = (by_column[start:end] @ columns).toarray()
            return self._normalized(products, squares, squares[start:end, None])

        return strongest(rows, columns.shape[1], self.top_k)

    def _prepared(self, matrix: csr_array) -> csr_array:
        matrix = matrix.astype(np.float64)  # a copy
        if self.similarity in ("jaccard", "dice", "tversky"):
            matrix.data[:] = 1
        elif self.similarity == "pearson":
            counts = np.bincount(matrix.indices, minlength=matrix.shape[1])
            sums = np.bincount(matrix.indices, matrix.data, minlength=matrix.shape[1])
            matrix.data -= (sums / np.maximum(counts, 1))[matrix.indices]
        return matrix

    def _normalized(self, products: Array, x: Array, y: Array) -> Array:
        """Similarities from products (block, n), and the sums of squares x (n,) and y (block, 1) of the columns."""
        if not self.normalize and self.similarity in ("cosine", "pearson", "asymmetric"):
            return products
        denominator: Array
        match self.similarity:
            case "jaccard":
                denominator = x + y - products
            case "dice":
                denominator = x + y
            case "tversky":
                only_y, only_x = y - products, x - products
                denominator = products + self.tversky_alpha * only_y + self.tversky_beta * only_x
            case "asymmetric":
                denominator = y**self.asymmetric_alpha * x ** (1 - self.asymmetric_alpha)
            case "cosine" | "pearson":
                denominator = np.sqrt(y) * np.sqrt(x)
        denominator += self.shrink
        # Without anything in common, or in an empty column, there is nothing to divide.
        return quotient(products, denominator)


def strongest(rows: Rows, n: int, top_k: int) -> csr_array:
    """The largest weights of every row of a square matrix that is never held whole.

    Args:
        rows: from (start, end) to these rows, dense (end - start, n); they are written into.
        n: rows and columns.
        top_k: weights of a row that are kept.

    Returns:
        (n, n) float32, without its diagonal and without zeros.
    """
    k, block = min(top_k, n), max(1, CELLS_AT_ONCE // n)
    parts = []
    for start in range(0, n, block):
        dense = rows(start, min(start + block, n))
        here = np.arange(len(dense))
        dense[here, start + here] = 0
        columns = np.argpartition(dense, n - k, axis=1)[:, n - k :]
        values = np.take_along_axis(dense, columns, axis=1)
        kept = values != 0
        starts = np.concatenate([[0], kept.sum(1).cumsum()])
        parts.append(csr_array((values[kept].astype(np.float32), columns[kept], starts), shape=dense.shape))
    return csr_array(vstack(parts, format="csr"))


def weighted(matrix: csr_array, weighting: WeightingName, k1: float = 1.2, b: float = 0.75) -> csr_array:
    """Weigh users as the terms of items, by how few items a user took; as Ferrari Dacrema et al. (TOIS 2021) do.

    Args:
        matrix: (n_users, n_items), no value negative.
        weighting: ``tf_idf`` sqrt(value) idf; ``bm25`` value (k1 + 1) / (value + k1 (1 - b + b length)) idf (Okapi:
            Robertson & Zaragoza 2009), where length is the item's sum over the mean of those, and idf =
            log(n_items / (1 + items of the user)); ``none``.
        k1, b: of ``bm25``.

    Returns:
        (n_users, n_items) float32.
    """
    if weighting == "none":
        return matrix
    matrix = matrix.astype(np.float64).tocoo()
    users, items = matrix.coords
    idf = np.log(matrix.shape[1] / (1 + np.bincount(users, minlength=matrix.shape[0])))
    if weighting == "tf_idf":
        matrix.data = np.sqrt(matrix.data) * idf[users]
    else:
        sums = np.bincount(items, matrix.data, minlength=matrix.shape[1])
        length = sums[items] / sums.mean()
        matrix.data = matrix.data * (k1 + 1) / (matrix.data + k1 * (1 - b + b * length)) * idf[users]
    return matrix.tocsr().astype(np.float32)


def _squares(matrix: csr_array) -> Array:
    """(n,) sums of squares of the columns."""
    return np.bincount(matrix.indices, matrix.data**2, minlength=matrix.shape[1])
