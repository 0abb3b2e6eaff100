"""Both sides of a ranking, against sorting the whole matrix of scores."""

from __future__ import annotations

from math import log, tanh
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor

from rexp.api import Query
from rexp.compress.distill._item_side import top_users, train_users
from rexp.compress.distill._rank_gap import count_above, item_ranks, misplacement, user_ranks
from rexp.compress.distill.dcd import draw_misplaced
from rexp.compress.student import Student
from rexp.models.mf import MF

from .helpers import Teacher, split_of
from .helpers import mf as drawn

if TYPE_CHECKING:
    from rexp.data.split import Split

SPLIT = split_of(n_users=23, n_items=41)


def mf(split: Split, factors: int, seed: int) -> MF:
    """A model whose vectors are multiples of 1 / 256: its products are exact, and so the same in any shape."""
    model = drawn(split, factors, seed)
    for table in (model.users, model.items):
        table.assign((256 * table.rows()).round() / 256)
    return model


def hidden(model: MF, split: Split = SPLIT) -> Tensor:
    """All scores, -inf for training pairs."""
    scores = model.score_all(Query(torch.arange(split.n_users))).detach()
    scores[split.train.users, split.train.items] = -torch.inf
    return scores


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rexp.compress.distill._item_side.USERS_AT_ONCE", 7)
    monkeypatch.setattr("rexp.compress.distill._item_side.ITEMS_AT_ONCE", 16)
    monkeypatch.setattr("rexp.compress.distill._rank_gap.ITEMS_AT_ONCE", 16)
    monkeypatch.setattr("rexp.compress.distill._rank_gap.LARGE_BLOCK_BYTES", 5 * 4 * 41)
    monkeypatch.setattr("rexp.compress.student.BLOCK_BYTES", 5 * 4 * 41)


def test_users_of_items() -> None:
    offsets, users = train_users(SPLIT)
    for item in range(SPLIT.n_items):
        expected = sorted(SPLIT.train.users[SPLIT.train.items == item].tolist())
        assert users[offsets[item] : offsets[item + 1]].tolist() == expected


def test_the_teacher_s_best_users_of_an_item() -> None:
    teacher = mf(SPLIT, 6, 1)
    found = top_users(Teacher(teacher, SPLIT), SPLIT, 9)
    assert found.dtype == torch.int32
    assert found.tolist() == hidden(teacher).T.topk(9).indices.tolist()


def test_where_fewer_users_are_left() -> None:
    split = split_of(n_users=4, n_items=6, taken=3)
    found = top_users(Teacher(mf(split, 3, 1), split), split, 5)
    assert (found != -1).sum(1).tolist() == (4 - np.bincount(split.train.items, minlength=6)).tolist()
    assert (found[:, 4] == -1).all()


def test_counting_above() -> None:
    scores, thresholds = torch.tensor([[3.0, 1.0, -torch.inf, 2.0]]), torch.tensor([[2.0, 9.0, 0.0, 1.5]])
    assert count_above(scores, thresholds).tolist() == [[1, 0, 3, 2]]


def by_sorting(scores: Tensor, best: Tensor) -> list[list[int]]:
    order = scores.argsort(1, descending=True)
    return [[row.index(entity) for entity in wanted] for row, wanted in zip(order.tolist(), best.tolist(), strict=True)]


def test_ranks_of_items() -> None:
    student, best = mf(SPLIT, 4, 2), hidden(mf(SPLIT, 6, 1)).topk(8).indices.int()
    assert item_ranks(Student(student, SPLIT), best).tolist() == by_sorting(hidden(student), best)


def test_ranks_of_users() -> None:
    student, best = mf(SPLIT, 4, 2), hidden(mf(SPLIT, 6, 1)).T.topk(8).indices.int()
    assert user_ranks(Student(student, SPLIT), best).tolist() == by_sorting(hidden(student).T, best)


def test_rounding_by_the_block_puts_no_pair_above_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A product may end in other digits in a block of another shape, or when it is taken again."""

    class Rounding(MF):
        calls = 0

        def score_all(self, query: Query) -> Tensor:
            Rounding.calls += 1
            return super().score_all(query) * (1 + 1e-6 * (Rounding.calls + len(query.users)))

    exact, best = mf(SPLIT, 4, 2), hidden(mf(SPLIT, 6, 1)).T.topk(8).indices.int()
    student = Rounding(exact.config, SPLIT.spec)
    student.load_state_dict(exact.state_dict())
    for users in (1, 5, 23):
        monkeypatch.setattr("rexp.compress.distill._rank_gap.LARGE_BLOCK_BYTES", users * 4 * 41)
        assert user_ranks(Student(student, SPLIT), best).tolist() == by_sorting(hidden(exact).T, best)


def test_the_student_s_best_items() -> None:
    student = mf(SPLIT, 4, 2).train()
    found = Student(student, SPLIT).top_items(50)
    assert found.shape == (23, 50)
    assert found[:, :36].tolist() == hidden(student).topk(36).indices.tolist()
    assert (found[:, 36:] == -1).all()
    assert student.training


def test_weights_of_what_is_misplaced() -> None:
    ranks, best = torch.tensor([[4, 0, 2, 7]]), torch.tensor([[8, 5, 3, -1]])
    too_low, too_high = misplacement(ranks, best, 10.0)
    nothing = log(1e-5)
    assert too_low[0].tolist() == pytest.approx([log(tanh(0.4)), nothing, nothing, -torch.inf], rel=1e-5)
    assert too_high[0].tolist() == pytest.approx([nothing, log(tanh(0.1)), nothing, -torch.inf], rel=1e-5)


def test_what_is_misplaced_is_drawn() -> None:
    # The student has the teacher's first two 50 ranks too low, and its last two at the very top.
    ranks = torch.tensor([[50, 51, 2, 0, 1]]).expand(10_000, -1)
    best = torch.tensor([[9, 4, 7, 3, 6]], dtype=torch.int32).expand(10_000, -1)
    too_low, too_high = draw_misplaced(ranks, best, 2, 10.0, torch.Generator().manual_seed(0))
    # Others keep a weight of 1e-5.
    assert (too_low == torch.tensor([9, 4])).all(1).double().mean() > 0.999
    assert (too_high == torch.tensor([3, 6])).all(1).double().mean() > 0.999
