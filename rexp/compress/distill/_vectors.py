"""Vectors of both models, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from rexp.compress.distill._base import teacher_of
from rexp.train.stage_hooks import queries_of

if TYPE_CHECKING:
    from rexp.api import Batch, StageContext, TeacherView, TrainStep

Side = Literal["user", "item"]


@torch.no_grad()
def sizes(model: Any, context: StageContext) -> tuple[tuple[int, int], tuple[int, int]]:
    """Widths of the student's and the teacher's vectors: of users, and of items."""
    teacher, first = teacher_of(context), torch.zeros(1, dtype=torch.int64)
    query = queries_of(model, context.split)(first.to(next(model.parameters()).device))
    users = model.user_embeddings(query).shape[1]
    items = model.item_embeddings().shape[1]
    return (users, teacher.user_embeddings(first).shape[1]), (items, teacher.item_embeddings(first).shape[1])


def pair_of_vectors(step: TrainStep, teacher: TeacherView, side: Side, ids: Tensor) -> tuple[Tensor, Tensor]:
    """The student's (B, d_s) vectors of ``ids`` (B,), with their gradient, and the teacher's (B, d_t), without."""
    if side == "user":
        student, taught = step.user_embeddings(ids), teacher.user_embeddings(ids.cpu())
    else:
        student, taught = step.item_embeddings(ids), teacher.item_embeddings(ids.cpu())
    return student, taught.to(student)


def positives_and_negatives(batch: Batch) -> tuple[Tensor, Tensor]:
    """Distinct positive and distinct negative items of a batch, ascending; what does not count is in neither."""
    if batch.labels is not None:
        positive = batch.labels > 0
    else:
        positive = torch.zeros_like(batch.items, dtype=torch.bool)
        positive[..., :1] = True
    counted = batch.items >= 0
    if batch.log_q is not None:
        counted = counted & ~batch.log_q.isposinf()
    return torch.unique(batch.items[positive & counted]), torch.unique(batch.items[~positive & counted])
