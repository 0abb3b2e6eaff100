"""Similarities between the rows of a rating matrix, each over the columns that both rated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.sparse import csr_array

from rexp.models._quotient import quotient

if TYPE_CHECKING:
    from rexp.data.types import Array

CELLS_AT_ONCE = 4_000_000
"""Cells of the similarity matrix that are computed at once, in some ten matrices of float64."""


@dataclass(frozen=True)
class CommonRatings:
    """Similarity of two rows by their n common ratings x, y, as Surprise has it; see :meth:`of`.

    Args:
        similarity: ``msd`` 1 / (1 + |x - y|^2 / n); ``cosine`` x·y / (|x| |y|); ``pearson``, the same once each mean
            over the common ratings is taken off; ``pearson_baseline``, once the baseline mu + b_u + b_i is taken off,
            times (n - 1) / (n - 1 + shrink) (Koren, TKDD 2010, section 2.2).
        min_support: fewest common ratings; with fewer, rows are not similar at all.
        shrink: of ``pearson_baseline``, by which similarities that rest on little count less.
    """

    similarity: Literal["msd", "cosine", "pearson", "pearson_baseline"] = "msd"
    min_support: int = 1
    shrink: float = 100.0

    def __post_init__(self) -> None:
        if self.min_support < 1 or self.shrink < 0:
            raise ValueError(f"min_support={self.min_support} must be 1 or more, shrink={self.shrink} not negative")

    def of(self, matrix: csr_array) -> Array:
        """Similarities of the rows of a matrix.

        Args:
            matrix: (n, m), the stored entries are ratings, of ``pearson_baseline`` what they differ from the baseline.

        Returns:
            (n, n) float32; 0 on the diagonal, for a row is no neighbor of its own.
        """
        matrix = matrix.astype(np.float64)
        block = max(1, CELLS_AT_ONCE // matrix.shape[0])
        blocks = [
            self._block(matrix[start : start + block], matrix).astype(np.float32)
            for start in range(0, matrix.shape[0], block)
        ]
        similarity: Array = np.concatenate(blocks)
        np.fill_diagonal(similarity, 0)
        return similarity

    def _block(self, some: csr_array, matrix: csr_array) -> Array:
        """(rows, n) similarities of some rows to all."""
        ones, squares = (_mapped(matrix, power) for power in (0, 2))
        some_ones, some_squares = (_mapped(some, power) for power in (0, 2))
        n = (some_ones @ ones.T).toarray()
        products = (some @ matrix.T).toarray()
        square_x, square_y = (some_squares @ ones.T).toarray(), (some_ones @ squares.T).toarray()
        found: Array
        match self.similarity:
            case "msd":
                found = 1 / (1 + (square_x + square_y - 2 * products) / np.maximum(n, 1))
            case "pearson":
                sum_x, sum_y = (some @ ones.T).toarray(), (some_ones @ matrix.T).toarray()
                spread = _spread(n, sum_x, square_x) * _spread(n, sum_y, square_y)
                found = quotient(n * products - sum_x * sum_y, np.sqrt(spread))
            case "cosine":
                found = quotient(products, np.sqrt(square_x * square_y))
            case "pearson_baseline":
                found = quotient(products, np.sqrt(square_x * square_y))
                found *= quotient(n - 1, n - 1 + self.shrink)
        found[n < self.min_support] = 0
        return found


def _mapped(matrix: csr_array, power: int) -> csr_array:
    """The matrix with every stored entry raised to a power."""
    return csr_array((matrix.data**power, matrix.indices, matrix.indptr), shape=matrix.shape)


def _spread(n: Array, total: Array, squares: Array) -> Array:
    """n² times the variance; exactly 0 where only rounding is left of it."""
    spread: Array = n * squares - total**2
    spread[spread < 1e-10 * n * squares] = 0
    return spread
