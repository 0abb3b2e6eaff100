"""As sparse as validation allows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import torch
from scipy.optimize import isotonic_regression
from torch import Tensor

if TYPE_CHECKING:
    from rexp.api import StageContext

Sparsity = float | Literal["auto"]
TRIED = (*(step / 20 for step in range(1, 20)), 0.99)
"""Sparsities that are measured, as far as there is something left of the metric."""
LOST = 0.1
"""Share of the metric beyond what is tolerated; two measurements in a row that lose more are the last."""
ROUNDING = 1e-9
"""Share of the metric that means of equal numbers may differ by."""


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

    The metric of a thousand users goes up and down by more than a percent from one sparsity to the next. So it is
    measured at one after another, and read off the falling curve that is nearest to all of them (isotonic regression).
    The weights are what they were afterwards.

    Args:
        weights: matrices of the model that ``context.validate`` measures.
        masks: of what stays of ``weights``, as they are, at a sparsity.
        tolerance: share of the unpruned model's metric that may be lost.
        context: of the stage; takes ``sparsity``, ``unpruned`` and ``pruned`` as what was found.

    Returns:
        the sparsity, 0 where none is tolerated.
    """
    assert context.validate is not None
    validate, whole = context.validate, [matrix.clone() for matrix in weights]

    def pruned_to(sparsity: float) -> float:
        for matrix, mask in zip(weights, masks(sparsity), strict=True):
            matrix.mul_(mask)
        value = validate()
        for matrix, kept in zip(weights, whole, strict=True):
            matrix.copy_(kept)
        return value

    unpruned = validate()
    curve, least = [(0.0, unpruned)], unpruned - (tolerance + LOST) * abs(unpruned)
    for share in TRIED:
        curve.append((share, pruned_to(share)))
        if max(value for _, value in curve[-2:]) < least:
            break
    sparsity = _crossing(curve, unpruned - (tolerance + ROUNDING) * abs(unpruned))
    context.found.update(sparsity=sparsity, unpruned=unpruned, pruned=pruned_to(sparsity))
    return sparsity


def _crossing(curve: Sequence[tuple[float, float]], bar: float) -> float:
    """Where the falling curve nearest to some (sparsity, metric) goes below ``bar``, in hundredths.

    >>> _crossing([(0.0, 1.0), (0.2, 0.9), (0.4, 0.98), (0.6, 0.6)], 0.92)
    0.41
    """
    fitted: list[float] = isotonic_regression([value for _, value in curve], increasing=False).x.tolist()
    points = list(zip((share for share, _ in curve), fitted, strict=True))
    for (before, higher), (after, lower) in pairwise(points):
        if lower < bar:
            return math.floor(100 * (before + (higher - bar) / (higher - lower) * (after - before)) + ROUNDING) / 100
    return curve[-1][0]
