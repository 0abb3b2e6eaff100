"""Magnitude masks with a minimum number of weights a row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

Scope = Literal["global", "layer", "row"]


def topk_masks(
    weights: Sequence[Tensor], sparsity: float, scope: Scope = "global", min_per_row: int = 0
) -> list[Tensor]:
    """Masks of the weights that stay.

    Args:
        weights: matrices (rows, columns); each may have a shape of its own.
        sparsity: share of all weights that go; so many go exactly, unless the floor keeps more.
        scope: the largest of all matrices together (``global``), of each (``layer``), or of each ``row``.
        min_per_row: so many of the largest weights of every row stay in any case: a row of zeros is an id without a
            vector (Tran et al. 2024, arXiv:2406.17335, search for such a floor).

    Returns:
        bool masks in the shapes of ``weights``.
    """
    if scope == "row":
        return [_by_row(matrix, max(min_per_row, n_kept(matrix.shape[1], sparsity))) for matrix in weights]
    if scope == "layer":
        return [_together([matrix], sparsity, min_per_row)[0] for matrix in weights]
    return _together(weights, sparsity, min_per_row)


def n_kept(n: int, sparsity: float) -> int:
    """Number of weights that remain.

    >>> n_kept(10, 0.8), n_kept(10, 0.0), n_kept(3, 1.0)
    (2, 10, 0)
    """
    return n - round(n * sparsity)


def _together(weights: Sequence[Tensor], sparsity: float, min_per_row: int) -> list[Tensor]:
    sizes = [matrix.numel() for matrix in weights]
    ranks = torch.cat([_size(matrix, min_per_row).flatten() for matrix in weights])
    floor = int(ranks.isposinf().sum())
    chosen = ranks.topk(max(floor, n_kept(len(ranks), sparsity)), sorted=False).indices
    flat = torch.zeros(len(ranks), dtype=torch.bool, device=ranks.device)
    flat[chosen] = True
    return [mask.view_as(matrix) for mask, matrix in zip(torch.split(flat, sizes), weights, strict=True)]


def _size(matrix: Tensor, min_per_row: int) -> Tensor:
    """Absolute values; infinite for those that the floor keeps."""
    sizes = matrix.detach().abs()
    return sizes.masked_fill(_by_row(matrix, min_per_row), math.inf) if min_per_row else sizes


def _by_row(matrix: Tensor, n: int) -> Tensor:
    n = min(n, matrix.shape[1])
    places = matrix.detach().abs().topk(n, dim=1, sorted=False).indices
    return torch.zeros_like(matrix, dtype=torch.bool).scatter_(1, places, True)
