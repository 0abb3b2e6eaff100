"""Rank gap between a student and its teacher on the teacher's top items."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from rexp.compress.distill._item_side import ITEMS_AT_ONCE
from rexp.data.types import PADDING

if TYPE_CHECKING:
    from rexp.compress.student import Student

LARGE_BLOCK_BYTES = 2**28
"""Few blocks of users: each costs a search for every user in the teacher's lists."""


def count_above(scores: Tensor, thresholds: Tensor) -> Tensor:
    """(B, k) how many of the scores (B, N) of a row are above each of its thresholds (B, k), in any order."""
    ordered = torch.from_numpy(np.sort(scores.contiguous().numpy(), axis=1))  # several times as fast as torch's sort
    return scores.shape[1] - torch.searchsorted(ordered, thresholds.contiguous(), right=True)


def item_ranks(student: Student, best: Tensor) -> Tensor:
    """(U, k) int32 ranks, from 0, that the student gives to items ``best`` (U, k) among those a user did not take."""
    ranks = torch.empty(best.shape, dtype=torch.int32)
    for users, scores in student.catalog():
        ranks[users] = count_above(scores, scores.gather(1, best[users].long().clamp(min=0))).int()
    return ranks


def user_ranks(student: Student, best: Tensor) -> Tensor:
    """(I, k) int32 ranks, from 0, that the student gives to users ``best`` (I, k) among those who did not take an item.

    Twice over the users in the same blocks: for the scores of ``best``, then for how many are above them. The second
    time a pair of ``best`` has the score of the first, so that no rounding puts it above itself.
    """
    wanted = torch.zeros(best.shape)
    for users, scores in student.catalog(LARGE_BLOCK_BYTES):
        rows, columns, places = _within(users, best)
        wanted[rows, columns] = scores[places, rows]
    ranks = torch.zeros(best.shape, dtype=torch.int32)
    for users, scores in student.catalog(LARGE_BLOCK_BYTES):
        rows, columns, places = _within(users, best)
        scores[places, rows] = wanted[rows, columns]
        for start in range(0, len(best), ITEMS_AT_ONCE):
            rows_here = slice(start, start + ITEMS_AT_ONCE)
            ranks[rows_here] += count_above(scores[:, rows_here].T, wanted[rows_here]).int()
    return ranks


def _within(users: Tensor, best: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rows and columns of ``best`` that hold one of ``users`` (B,), one after another, and its place among them."""
    first = int(users[0])
    rows, columns = ((best >= first) & (best < first + len(users))).nonzero(as_tuple=True)
    return rows, columns, best[rows, columns].long() - first


def misplacement(ranks: Tensor, best: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Log-weights of what the student has too low, and of what it has too high.

    ``ln max(tanh(max((rank_s - rank_t) / T, 0)), 1e-5)``, and the same of ``rank_t - rank_s``.

    Args:
        ranks: (R, k) the student's ranks, from 0, of the entities in ``best``.
        best: (R, k) entities in the teacher's order, padded with -1, which weigh nothing.
        scale: T.
    """
    too_low = (ranks - torch.arange(ranks.shape[1])) / scale
    there = best != PADDING
    both = (too_low.tanh().clamp(min=1e-5).log(), (-too_low).tanh().clamp(min=1e-5).log())
    return both[0].where(there, -torch.inf), both[1].where(there, -torch.inf)
