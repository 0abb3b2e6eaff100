"""The strongest directions of a score matrix that is too large to be held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch import Generator

BLOCK_BYTES = 2**26
"""Of the scores of users that are asked at once; always the same, so that sums have one order."""


@dataclass(frozen=True)
class ScoreMatrix:
    """A matrix (U, I) of which blocks of rows can be made, again and again.

    Args:
        n_users, n_items: its shape.
        rows: makes the rows (B, I) of ``users`` (B,), float32.
        max_bytes: of rows that are kept; a matrix that takes more is made anew each time it is gone through.
    """

    n_users: int
    n_items: int
    rows: Callable[[Tensor], Tensor]
    max_bytes: int

    def blocks(self) -> Callable[[], Iterator[tuple[Tensor, Tensor]]]:
        """Blocks of the score matrix: users (B,) and their rows (B, I), in ascending order."""
        at_once = max(1, BLOCK_BYTES // (4 * self.n_items))
        users = torch.split(torch.arange(self.n_users), at_once)
        if 4 * self.n_users * self.n_items > self.max_bytes:
            return lambda: ((some, self.rows(some)) for some in users)
        kept = [(some, self.rows(some)) for some in users]
        return lambda: iter(kept)


def truncated_svd(
    matrix: ScoreMatrix, rank: int, *, iterations: int, oversampling: int, generator: Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """The first singular values and vectors, by randomized subspace iteration (Halko et al. 2011, algorithms 4.4, 5.1).

    Beside the blocks of the matrix it holds (U + I) (rank + oversampling) numbers, and goes through the matrix
    ``iterations + 1`` times.

    Args:
        matrix: S, (U, I).
        rank: k, singular values that are wanted; no more than the smaller of U and I are there.
        iterations: powers of S^T S that the random directions are multiplied by, at least 1.
        oversampling: directions beyond ``rank`` that are carried along.
        generator: draws the random directions.

    Returns:
        left vectors (U, k), values (k,), descending, and right vectors (I, k), in float32.
    """
    blocks = matrix.blocks()
    smaller = min(matrix.n_users, matrix.n_items)
    wide = min(rank + oversampling, smaller)
    basis = torch.randn(matrix.n_items, wide, generator=generator)
    for _ in range(iterations):
        powered = torch.zeros(matrix.n_items, wide)
        for _, rows in blocks():
            powered.addmm_(rows.T, rows @ basis)
        basis = torch.linalg.qr(powered.double()).Q.float()
    projected = torch.cat([rows @ basis for _, rows in blocks()]).double()
    left, rest = torch.linalg.qr(projected)
    turn, values, right = torch.linalg.svd(rest, full_matrices=False)
    kept = min(rank, smaller)
    strongest = basis.double() @ right[:kept].T
    return (left @ turn[:, :kept]).float(), values[:kept].float(), strongest.float()
