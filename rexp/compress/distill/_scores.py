"""Scores of lists that may be shorter than others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from rexp.data.types import PADDING

if TYPE_CHECKING:
    from rexp.api import TeacherView, TrainStep

PAIRS_AT_ONCE = 2**16
"""Pairs whose vectors are held at once: larger blocks leave the cache."""


_PLACED = WeakTensorKeyDictionary()
"""The copy of a table on the device that last asked for its rows; gone with the table."""


def placed(table: Tensor, device: torch.device) -> Tensor:
    """A table on a device: copied there once, so that no step waits for rows from the CPU."""
    if table.device == device:
        return table
    if table not in _PLACED or _PLACED[table].device != device:
        _PLACED[table] = table.to(device)
    copy: Tensor = _PLACED[table]
    return copy


def rows_of(table: Tensor, ids: Tensor) -> Tensor:
    """(B, k) int64 rows of a table of whole numbers, on the device of ``ids`` (B,)."""
    return placed(table, ids.device)[ids].long()


def student_scores(step: TrainStep, users: Tensor, items: Tensor) -> Tensor:
    """Logits of ``items`` (B, K) for ``users`` (B,), with their gradient; -inf for padding."""
    return _single(step.score(users, items.clamp(min=0))).masked_fill(items == PADDING, -torch.inf)


def _single(scores: Tensor) -> Tensor:
    """In single precision at least: losses of lists would overflow in the half precision of a model's layers."""
    return scores.to(torch.promote_types(scores.dtype, torch.float32))


def scores_of_lists(step: TrainStep, users: Tensor, *tables: Tensor) -> list[Tensor]:
    """Logits (B, k) of the rows of several tables (U, k) of items, -inf for padding; the model is asked once."""
    lists = [rows_of(table, users) for table in tables]
    scores = student_scores(step, users, torch.cat(lists, 1))
    return list(torch.split(scores, [items.shape[1] for items in lists], 1))


def scores_of_user_lists(step: TrainStep, items: Tensor, *lists: Tensor) -> list[Tensor]:
    """Logits (B, k) of ``items`` (B,) for the users in several lists (B, k) of each, -inf for padding."""
    scores = student_scores_of_users(step, items, torch.cat(lists, 1).long().to(items.device))
    return list(torch.split(scores, [users.shape[1] for users in lists], 1))


def student_scores_of_users(step: TrainStep, items: Tensor, users: Tensor) -> Tensor:
    """Logits of ``items`` (B,) for ``users`` (B, K), with their gradient; -inf for padding."""
    at_once = max(1, PAIRS_AT_ONCE // users.shape[1])
    scores = torch.cat(
        [
            step.score(block.clamp(min=0).flatten(), few.repeat_interleave(users.shape[1])).view(block.shape)
            for few, block in zip(torch.split(items, at_once), torch.split(users, at_once), strict=True)
        ]
    )
    return _single(scores).masked_fill(users == PADDING, -torch.inf)


def teacher_table(teacher: TeacherView, items: Tensor) -> Tensor:
    """(U, K) float32: the teacher's logits of the items (U, K) of every user, -inf for padding; in blocks of users."""
    at_once = max(1, PAIRS_AT_ONCE // max(1, items.shape[1]))
    scores = torch.empty(items.shape)
    for users in torch.split(torch.arange(len(items)), at_once):
        rows = items[users].long()
        scores[users] = teacher.scores(users, rows.clamp(min=0)).float().masked_fill(rows == PADDING, -torch.inf)
    return scores
