"""Dot products of users' vectors with those of one item, or of several, each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def dot(users: Tensor, items: Tensor) -> Tensor:
    """Dot products; trained through, they are a product and a sum, for the backward pass of a batched matrix product
    with one vector takes two to three times as long.

    Args:
        users: (B, D).
        items: (B, D), or (B, K, D).

    Returns:
        (B,), or (B, K).
    """
    if items.dim() == 3 and not torch.is_grad_enabled():
        return (items @ users.unsqueeze(-1)).squeeze(-1)
    return ((users if items.dim() == 2 else users.unsqueeze(1)) * items).sum(-1)


def weighted_sum(values: Tensor, weights: Tensor) -> Tensor:
    """Dot products with the same vector.

    Args:
        values: (..., D).
        weights: (D,).

    Returns:
        (...,).
    """
    if torch.compiler.is_exporting():  # ONNX Runtime takes a vector on the right for a product of each row alone
        return (values @ weights.unsqueeze(1)).squeeze(-1)
    return values @ weights
