"""Scores of lists that may be shorter than others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rexp.compress.distill.sampling import PADDING

if TYPE_CHECKING:
    from rexp.api import Step, TeacherView

PAIRS_AT_ONCE = 2**16
"""Pairs whose vectors are held at once: larger blocks leave the cache."""


def rows_of(table: Tensor, ids: Tensor) -> Tensor:
    """(B, k) int64 rows of a table on the CPU, on the device of ``ids`` (B,)."""
    return table[ids.cpu()].long().to(ids.device)


def student_scores(step: Step, users: Tensor, items: Tensor) -> Tensor:
    """Logits of ``items`` (B, K) for ``users`` (B,), with their gradient; -inf for padding."""
    return step.score(users, items.clamp(min=0)).masked_fill(items == PADDING, -torch.inf)


def student_scores_of_users(step: Step, items: Tensor, users: Tensor) -> Tensor:
    """Logits of ``items`` (B,) for ``users`` (B, K), with their gradient; -inf for padding."""
    at_once = max(1, PAIRS_AT_ONCE // users.shape[1])
    scores = torch.cat(
        [
            step.score(block.clamp(min=0).flatten(), few.repeat_interleave(users.shape[1])).view(block.shape)
            for few, block in zip(torch.split(items, at_once), torch.split(users, at_once), strict=True)
        ]
    )
    return scores.masked_fill(users == PADDING, -torch.inf)


def teacher_scores(teacher: TeacherView, users: Tensor, items: Tensor) -> Tensor:
    """The teacher's logits of ``items`` (B, K) for ``users`` (B,); -inf for padding."""
    scores = teacher.scores(users.cpu(), items.clamp(min=0).cpu()).to(items.device)
    return scores.masked_fill(items == PADDING, -torch.inf)
