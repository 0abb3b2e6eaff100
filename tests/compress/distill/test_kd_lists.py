"""Which items kd's lists hold, and for how long."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from rexp.api import StageContext
from rexp.compress.distill.kd import KD, KDConfig
from tests.compress.distill.helpers import Teacher, mf, split_of

SPLIT = split_of(n_users=12, taken=6)


def hook_of(seed: int = 0, lists_only: bool = False, **options: Any) -> Any:
    teacher: Any = Teacher(mf(SPLIT, 4, 1), SPLIT)
    teacher.lists_only = lists_only
    context = StageContext(SPLIT, torch.Generator().manual_seed(seed), teacher=teacher)
    return KD(KDConfig(k=8, **options)).attach(mf(SPLIT, 4, 2), context)


def lists_at(hook: Any, epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
    hook.on_epoch(epoch)
    return hook.lists, hook.targets


def test_three_quarters_of_a_list_are_drawn_from_what_is_neither_taken_nor_among_the_best() -> None:
    hook = hook_of(catalogue="all")
    lists, targets = lists_at(hook, 1)
    assert lists.shape == targets.shape == (12, 32)
    best = hook.teacher.top_items(8, catalogue="all")
    assert torch.equal(lists[:, :8], best)
    offsets, taken = SPLIT.user_items(["train"])
    for user, drawn in enumerate(lists[:, 8:].numpy()):
        held = {*taken[offsets[user] : offsets[user + 1]].tolist(), *best[user].tolist()}
        assert len(set(drawn.tolist())) == 24
        assert not held & set(drawn.tolist())
    users = torch.arange(12)
    torch.testing.assert_close(targets, hook.scale.of(hook.teacher.scores(users, lists.long()), users))


def test_a_teacher_of_lists_is_asked_for_nothing_else() -> None:
    lists, _ = lists_at(hook_of(lists_only=True), 1)
    assert lists.shape == (12, 8)


def test_many_users_have_shorter_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rexp.compress.distill.kd.MOST_DRAWN", 12 * 5)
    assert lists_at(hook_of(), 1)[0].shape == (12, 8 + 5)
    assert lists_at(hook_of(random=9), 1)[0].shape == (12, 8 + 9)


@pytest.mark.parametrize("every", [1, 3])
def test_a_fit_that_goes_on_between_two_draws_has_the_same_lists(every: int) -> None:
    whole = hook_of(every=every)
    seen = [lists_at(whole, epoch)[0] for epoch in range(1, 8)]
    resumed = hook_of(every=every)
    for epoch in range(5, 8):
        assert torch.equal(lists_at(resumed, epoch)[0], seen[epoch - 1])
    changes = [not torch.equal(one, other) for one, other in pairwise(seen)]
    assert np.flatnonzero(changes).tolist() == [epoch - 1 for epoch in range(1, 7) if epoch % every == 0]


def test_a_student_s_own_lists_hold_what_was_trained_and_nothing_twice() -> None:
    hook = hook_of(ranked_by="student")
    trained = set(SPLIT.train.items.tolist())
    for epoch in (1, 2):
        with torch.no_grad():
            hook.student.model.items.weight.neg_()  # its best are others now
        lists, targets = lists_at(hook, epoch)
        assert torch.equal(lists == -1, targets.isneginf())
        for row in lists.tolist():
            there = [item for item in row if item >= 0]
            assert len(there) == len(set(there))
            assert set(there) <= trained
        assert (lists[:, :8] >= 0).all()
