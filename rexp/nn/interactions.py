"""Interactions of fields: sums of products of their vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def bi_interaction(fields: Tensor) -> Tensor:
    """The sum over all pairs of fields of the products of their vectors, coordinate by coordinate, in O(FD).

    ``sum over f < g of v_f * v_g = ((sum v_f)^2 - sum v_f^2) / 2`` (Rendle, ICDM 2010, lemma 3.1; as a layer He and
    Chua, SIGIR 2017, eq. 4).

    Args:
        fields: (..., F, D).

    Returns:
        (..., D).
    """
    return (fields.sum(-2).square() - fields.square().sum(-2)) / 2


def machine_vectors(fields: Tensor, first_order: Tensor, bias: Tensor | float | None = None) -> Tensor:
    """One side of a factorization machine, as a vector whose dot product with the other side's is the whole score.

    Pairs of fields of one side, and its first order, are what it has alone, ``a``. The pairs across are the product of
    both sums: ``[sum v, a_u, 1] · [sum v, 1, a_i]``.

    Args:
        fields: (..., F, D) vectors of the side's fields.
        first_order: (..., F, 1) their weights.
        bias: a number; makes this the users' side, which has it.

    Returns:
        (..., D + 2).
    """
    alone = bi_interaction(fields).sum(-1, keepdim=True) + first_order.sum(-2)
    ones = torch.ones_like(alone)
    last = [alone, ones] if bias is None else [ones, alone + bias]
    return torch.cat([fields.sum(-2), *last], -1)
