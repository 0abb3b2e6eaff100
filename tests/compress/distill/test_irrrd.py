"""The item's side of IR-RRD: which items are ranked, and what those that are drawn stand for."""

from __future__ import annotations

from math import log
from typing import Any

import pytest
import torch
from torch import Tensor

from rexp.api import Query
from rexp.compress.distill.irrrd import IRRRD, IRRRDConfig

from .helpers import OneStep, Teacher, context_of, mf, pairs, split_of

SPLIT = split_of()


def attached_to(student: Any, **options: Any) -> Any:
    chosen = {"n_positive": 5, "n_negative": 10, "depth": 12, "item_n_positive": 4, "item_n_negative": 8} | options
    chosen.setdefault("users_per_step", "all")
    context = context_of(SPLIT, Teacher(mf(SPLIT, 4, 1), SPLIT))
    return IRRRD(IRRRDConfig(**chosen)).attach(student, context)


def lists_of(attached: Any, item: int) -> list[Tensor]:
    """Its users of the epoch, those of interest and others."""
    return [table[0] for table in attached.users_of_items.of(torch.tensor([item]), attached.generator)]


def test_every_item_in_a_list_has_its_users_ranked() -> None:
    student = mf(SPLIT, 4, 2).double()
    attached = attached_to(student, item_weight=2.0)
    attached.on_epoch(1)
    step = OneStep(student, pairs(SPLIT, 30, torch.Generator().manual_seed(0)))
    items = {
        int(item) for table in (attached.rrd.positives, attached.rrd.negatives) for item in table[step.users].flatten()
    } - {-1}
    assert 0 in items
    expected = 0.0
    for item in items:
        first, others = (
            student.score(Query(users), torch.full_like(users, item)).exp().tolist()
            for users in (row[row >= 0].long() for row in lists_of(attached, item))
        )
        for place in range(len(first)):
            expected += 2 * (log(sum(first[place:]) + sum(others)) - log(first[place]))
    assert attached.loss(step)["item_side"].item() == pytest.approx(expected, rel=1e-9)


def test_one_side_of_a_few_users_or_items_is_both_sides_of_all_on_average() -> None:
    student = mf(SPLIT, 4, 2)
    step = OneStep(student, pairs(SPLIT, 30, torch.Generator().manual_seed(0)))

    def attached(users_per_step: str | int) -> Any:
        made = attached_to(student, users_per_step=users_per_step, item_weight=0.002)
        made.on_epoch(1)
        return made

    every, few = attached("all"), attached(8)
    few.rrd.positives, few.rrd.negatives = every.rrd.positives, every.rrd.negatives
    few.users_of_items = every.users_of_items
    both = {name: loss.item() for name, loss in every.loss(step).items()}
    drawn = [{name: loss.item() for name, loss in few.loss(step).items()} for _ in range(2000)]
    assert all(len(losses) == 1 for losses in drawn)
    assert both.keys() == {"rrd", "item_side"}
    for name, whole in both.items():
        assert sum(losses.get(name, 0.0) for losses in drawn) / len(drawn) == pytest.approx(whole, rel=0.08)


def test_lists_of_an_item_stay_for_an_epoch() -> None:
    attached = attached_to(mf(SPLIT, 4, 2))
    attached.on_epoch(1)
    first = torch.stack([torch.cat(lists_of(attached, item)) for item in range(SPLIT.n_items)])
    again = torch.stack([torch.cat(lists_of(attached, item)) for item in reversed(range(SPLIT.n_items))]).flip(0)
    assert torch.equal(first, again)
    attached.on_epoch(2)
    anew = torch.stack([torch.cat(lists_of(attached, item)) for item in range(SPLIT.n_items)])
    assert not torch.equal(first, anew)


def test_drawn_items_stand_for_all_that_the_users_of_a_batch_have_in_their_lists() -> None:
    student = mf(SPLIT, 4, 2)
    step = OneStep(student, pairs(SPLIT, 30, torch.Generator().manual_seed(0)))
    attached = attached_to(student, users_per_step=2)
    attached.on_epoch(1)
    listed = attached._listed(step.users)
    sample = attached.rrd.users.draw(listed, 2)
    assert len(sample.ids) == 2
    assert len(sample.ids) * sample.share == len(listed)
