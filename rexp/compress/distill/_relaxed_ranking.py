"""The relaxed ranking loss: a likelihood of the teacher's order."""

from __future__ import annotations

import torch
from torch import Tensor

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
    there = interesting != -torch.inf
    above = interesting.masked_fill(~there, ABSENT)
    free = uninteresting.masked_fill(uninteresting == -torch.inf, ABSENT).logsumexp(1, keepdim=True)
    from_here = above.flip(1).logcumsumexp(1).flip(1)
    below = torch.logaddexp(from_here, free.expand_as(from_here))
    return (below - above).masked_fill(~there, 0.0).sum(1)
