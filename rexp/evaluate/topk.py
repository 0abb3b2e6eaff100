"""From scores to lists, in an order that does not depend on the machine.

``torch.topk`` alone does not say which of equal scores it takes: the k-th place then changes with the block's size.
It is still the fastest way to the top scores, so it is used, and ties are decided afterwards in the rows that have any.
"""

from __future__ import annotations

import torch
from torch import Tensor

NEVER = float("-inf")
"""The score of what is not recommended at all."""


def stable_topk(scores: Tensor, k: int, preference: Tensor) -> tuple[Tensor, Tensor]:
    """The k best columns of every row: by score, equal scores by preference, both descending.

    Args:
        scores: (B, C) without NaN; -inf marks columns that are never taken.
        k: length of the lists, at least 1.
        preference: (B, C) or (1, C) int64 >= 0, distinct within a row.

    Returns:
        columns (B, k) int64, best first, -1 where none is left; and tied (B, k) bool: the score at this rank is the
        next one's too, so that a list cut here depends on the rule for ties.

    >>> stable_topk(torch.tensor([[1.0, 2.0, 2.0]]), 2, torch.tensor([[0, 1, 2]]))
    (tensor([[2, 1]]), tensor([[ True, False]]))
    """
    taken = min(k + 1, scores.shape[1])
    values, columns = scores.topk(taken)
    if taken < k + 1:
        missing = k + 1 - taken
        values = torch.nn.functional.pad(values, (0, missing), value=NEVER)
        columns = torch.nn.functional.pad(columns, (0, missing), value=0)
    tied = (values[:, :-1] == values[:, 1:]) & (values[:, 1:] > NEVER)
    values, columns = values[:, :k], columns[:, :k]
    rows = tied[:, -1].nonzero().squeeze(1)
    if len(rows):
        columns = columns.index_copy(
            0, rows, _settle_cut(scores[rows], values[rows], columns[rows], _of(preference, rows))
        )
    rows = tied.any(1).nonzero().squeeze(1)
    if len(rows):
        columns = columns.index_copy(0, rows, _sort_ties(values[rows], columns[rows], _of(preference, rows)))
    return torch.where(values > NEVER, columns, -1), tied


def _of(preference: Tensor, rows: Tensor) -> Tensor:
    return preference if len(preference) == 1 else preference[rows]


def _settle_cut(scores: Tensor, values: Tensor, columns: Tensor, preference: Tensor) -> Tensor:
    """Fill the places that share the last score with the preferred of all columns that have it."""
    last = values[:, -1:]
    preferred = torch.where(scores == last, preference, -1).topk(values.shape[1]).indices
    above = (values > last).sum(1, keepdim=True)
    place = torch.arange(values.shape[1], device=scores.device)
    return torch.where(place < above, columns, preferred.gather(1, (place - above).clamp(min=0)))


def _sort_ties(values: Tensor, columns: Tensor, preference: Tensor) -> Tensor:
    """Order (B, k) columns by value, then preference, both descending."""
    by_preference = preference.expand(len(columns), -1).gather(1, columns).argsort(dim=1, descending=True)
    by_value = values.gather(1, by_preference).argsort(dim=1, descending=True, stable=True)
    return columns.gather(1, by_preference).gather(1, by_value)
