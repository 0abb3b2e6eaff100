"""The linear algebra of tables that are read together."""

from __future__ import annotations

import torch
from torch import Tensor


def joint_svd(left: Tensor, right: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """The two narrow matrices whose product is nearest to ``left @ right.T`` (Eckart and Young, 1936).

    The product itself, which may be huge, is never made: it has the singular values of the small matrix
    ``R_left @ R_right.T`` of the two QR decompositions, whose roots both sides get.

    Args:
        left: (N, D).
        right: (M, D).
        rank: columns that are wanted.

    Returns:
        (N, k) and (M, k) with the smaller of ``rank`` and N, M and D as k, in the type of the arguments.
    """
    left_basis, left_rest = torch.linalg.qr(left.double())
    right_basis, right_rest = torch.linalg.qr(right.double())
    left_turn, values, right_turn = torch.linalg.svd(left_rest @ right_rest.T, full_matrices=False)
    roots = values[:rank].sqrt()
    narrow_left = left_basis @ (left_turn[:, :rank] * roots)
    narrow_right = right_basis @ (right_turn[:rank].T * roots)
    return narrow_left.to(left.dtype), narrow_right.to(right.dtype)


def balanced(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Matrices with the same product and entries of like size, where the two have very different numbers of rows."""
    factor = (len(left) / len(right)) ** 0.25
    return left * factor, right / factor


def strongest_directions(rows: Tensor, rank: int) -> Tensor:
    """(D, k) orthonormal columns on which the rows (N, D) are the longest: their first right singular vectors."""
    wide = rows.double()
    directions: Tensor = torch.linalg.eigh(wide.T @ wide).eigenvectors.flip(1)[:, :rank]
    return directions.to(rows.dtype)
