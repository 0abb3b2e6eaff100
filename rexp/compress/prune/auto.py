"""As sparse as validation allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

if TYPE_CHECKING:
    from rexp.api import StageContext

Sparsity = float | Literal["auto"]
STEPS = 100
"""Sparsities that are looked at: 0.00, 0.01 to 0.99."""


def check_sparsity(sparsity: Sparsity | None, tolerance: float) -> None:
    """Refuse what no share of zeros can be.

    Raises:
        ValueError: saying which.
    """
    if isinstance(sparsity, float) and not 0 <= sparsity < 1:
        raise ValueError(f"sparsity={sparsity} must be at least 0 and below 1")
    if not 0 <= tolerance < 1:
        raise ValueError(f"tolerance={tolerance} must be at least 0 and below 1")


@torch.no_grad()
def sparsity_found(
    weights: Sequence[Tensor], masks: Callable[[float], Sequence[Tensor]], tolerance: float, context: StageContext
) -> float:
    """The largest sparsity that costs no more than is tolerated, all at once and without training after it.

    By bisection, as if the metric fell with every weight that goes: seven measurements on the validation part. The
    weights are what they were afterwards.

    Args:
        weights: matrices of the model that ``context.validate`` measures.
        masks: of what stays of ``weights``, as they are, at a sparsity.
        tolerance: share of the unpruned model's metric that may be lost.
        context: of the stage; takes ``sparsity``, ``unpruned`` and ``pruned`` as what was found.

    Returns:
        the sparsity, 0 where none is tolerated.
    """
    assert context.validate is not None
    whole = [matrix.clone() for matrix in weights]
    unpruned = pruned = context.validate()
    low, high = 0, STEPS
    while high - low > 1:
        middle = (low + high) // 2
        for matrix, mask in zip(weights, masks(middle / STEPS), strict=True):
            matrix.mul_(mask)
        value = context.validate()
        for matrix, kept in zip(weights, whole, strict=True):
            matrix.copy_(kept)
        if value >= unpruned - tolerance * abs(unpruned):
            low, pruned = middle, value
        else:
            high = middle
    context.found.update(sparsity=low / STEPS, unpruned=unpruned, pruned=pruned)
    return low / STEPS
