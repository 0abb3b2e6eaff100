"""Ranks of scores within groups, ties sharing the mean of theirs."""

from __future__ import annotations

import torch
from torch import Tensor


def mean_ranks(scores: Tensor, groups: Tensor) -> Tensor:
    """The rank of each score within its group, 1 for the lowest, equal scores sharing their mean rank.

    Args:
        scores: (N,) floating point.
        groups: (N,) int64.

    Returns:
        (N,) float64.

    >>> mean_ranks(torch.tensor([0.5, 0.1, 0.5, 0.3]), torch.tensor([0, 0, 0, 7])).tolist()
    [2.5, 1.0, 2.5, 1.0]
    """
    order = scores.argsort(stable=True)
    order = order[groups[order].argsort(stable=True)]
    group, score = groups[order], scores[order]
    new_group = torch.ones_like(group, dtype=torch.bool)
    new_group[1:] = group[1:] != group[:-1]
    new_tie = new_group.clone()
    new_tie[1:] |= score[1:] != score[:-1]
    position = torch.arange(len(order), dtype=torch.float64, device=scores.device)
    # A run of equal scores at positions a .. b of a group that starts at g has the mean rank (a + b) / 2 - g + 1.
    run = new_tie.cumsum(0) - 1
    first = position[new_tie]
    last = torch.cat([first[1:] - 1, position[-1:]])
    group_start = position[new_group][new_group.cumsum(0) - 1]
    ranks = torch.empty_like(position)
    ranks[order] = ((first + last) / 2)[run] - group_start + 1
    return ranks
