"""Reduction of per-example losses to a scalar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Reduction = Literal["mean", "sum"]


def reduce(values: Tensor, reduction: Reduction, log_q: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
    """Sum or mean over the values that count, each times the weight of its row.

    A mean divides by the number of values, not by the sum of their weights: weights have mean 1 over the training
    rows, and a batch is then an unbiased part of the weighted whole.

    Args:
        values: one an example, any shape.
        reduction: ``mean`` or ``sum``.
        log_q: in the same shape; +inf marks a value that must not count (see ``rexp.api.Batch``).
        weights: one a row, along the first dimension of the values; or None.
    """
    if weights is not None:
        values = values * weights.view(-1, *[1] * (values.dim() - 1))
    if log_q is None:
        return values.mean() if reduction == "mean" else values.sum()
    counted = log_q.isposinf().logical_not()
    total = values.where(counted, 0.0).sum()
    return total / counted.sum().clamp(min=1) if reduction == "mean" else total
