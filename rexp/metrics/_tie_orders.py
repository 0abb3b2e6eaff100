"""Chances of hits over all orders of equal scores.

A place holds one of the n items of its group of equal scores, of which m are relevant; j of the n stand before it. Hits
are then drawn without replacement: their number in t places is hypergeometric.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.api import Ties


def chances(ties: Ties, k: int) -> Tensor:
    """(B, K) float64, the chance of a hit at every rank: m / n."""
    return ties.relevant[:, :k].double() / ties.size[:, :k]


def chances_of_first(ties: Ties, k: int) -> Tensor:
    """(B, K) float64, the chance that the first hit is at this rank.

    Without a hit before, all m relevant items are among the n - j left, so the next place has one with m / (n - j).
    """
    next_hits = (ties.relevant[:, :k].double() / (ties.size[:, :k] - _before(ties, k))).clamp(max=1)
    no_hit = (1 - next_hits).cumprod(1)
    first = next_hits.clone()
    first[:, 1:] *= no_hit[:, :-1]
    return first


def expected_hits_up_to_hits(ties: Ties, k: int) -> Tensor:
    """(B, K) float64, the mean of hit(r) times the number of hits at ranks 1 .. r.

    With a hit at r, there are the hits of the groups before, the one at r, and j (m - 1) / (n - 1) of the group.
    """
    relevant, size, before = ties.relevant[:, :k], ties.size[:, :k], _before(ties, k)
    earlier = (relevant * (before == 0)).cumsum(1) - relevant
    within = before * (relevant - 1).double() / (size - 1).clamp(min=1)
    return chances(ties, k) * (earlier + 1 + within)


def _before(ties: Ties, k: int) -> Tensor:
    """(B, K) int64: j."""
    first = ties.first[:, :k]
    return torch.arange(first.shape[1], device=first.device) - first
