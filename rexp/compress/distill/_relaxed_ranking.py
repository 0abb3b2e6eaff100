"""The relaxed ranking loss: a likelihood of the teacher's order."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

ABSENT = -1e30
"""Stands for -inf: its exponential is 0 as well, and no gradient of it is undefined."""


def relaxed_ranking(interesting: Tensor, uninteresting: Tensor) -> Tensor:
    """Relaxed ranking loss (Kang et al., CIKM 2020), a list-wise likelihood.

    ``-sum_k [s_k - ln(sum_{l >= k} exp s_l + sum_n exp s_n)]``: the interesting in the teacher's order, all above the
    uninteresting, whose order is free. Computed with logarithms of sums, so that no score overflows.

    Args:
        interesting: (B, K) scores in the teacher's order; -inf is not there.
        uninteresting: (B, L) scores; -inf is not there.

    Returns:
        (B,) one loss a row.
    """
    losses: Tensor = _RelaxedRanking.apply(interesting, uninteresting)  # type: ignore[no-untyped-call]
    return losses


class _RelaxedRanking(torch.autograd.Function):
    """The loss with its gradient in closed form, where torch composes one of many small operations.

    With ``b_k`` for the logarithm, the gradient is ``sum_{k <= j} exp(s_j - b_k) - 1`` of an interesting score j, and
    ``sum_k exp(s_n - b_k)`` of an uninteresting one: no exponent is above 0, for every sum holds the score itself.
    """

    @staticmethod
    def forward(ctx: Any, interesting: Tensor, uninteresting: Tensor) -> Tensor:
        there = interesting != -torch.inf
        above = interesting.masked_fill(~there, ABSENT)
        others = uninteresting.masked_fill(uninteresting == -torch.inf, ABSENT)
        from_here = above.flip(1).logcumsumexp(1).flip(1)
        below = torch.logaddexp(from_here, others.logsumexp(1, keepdim=True).expand_as(from_here))
        ctx.save_for_backward(there, above, others, below)
        return (below - above).masked_fill(~there, 0.0).sum(1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        there, above, others, below = ctx.saved_tensors
        inverse, gradient = below.neg().masked_fill(~there, ABSENT), gradient.unsqueeze(1)
        of_above = ((above + inverse.logcumsumexp(1)).exp() - 1).masked_fill(~there, 0.0)
        of_others = (others + inverse.logsumexp(1, keepdim=True)).exp()
        return of_above * gradient, of_others * gradient
