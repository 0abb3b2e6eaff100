"""Users drawn from a batch stand for all of it: the expectation stays, whatever is drawn."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rexp.api import Batch, Query
from rexp.compress.distill._step_users import StepUsers, users_per_step
from rexp.compress.distill.hard_labels import HardLabels
from rexp.compress.distill.kd import KD, KDConfig
from rexp.compress.distill.rrd import RRD

from .helpers import OneStep, Teacher, context_of, mf, split_of

SPLIT = split_of(n_users=200, n_items=60)
LISTS = {"n_positive": 5, "n_negative": 10, "depth": 12}


def everyone() -> Batch:
    """Every user of the split, with one item and another."""
    users = torch.arange(SPLIT.n_users)
    return Batch(Query(users), torch.stack([users % 60, (users + 7) % 60], 1))


def step() -> OneStep:
    return OneStep(mf(SPLIT, 4, 2), everyone())


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize(
    ("stage", "options"), [(KD, {"k": 12}), (HardLabels, {"k": 5}), (RRD, LISTS)], ids=["kd", "hard_labels", "rrd"]
)
def test_the_expectation_is_the_loss_of_all(stage: Any, options: dict[str, Any], reduction: str) -> None:
    taught, one = Teacher(mf(SPLIT, 4, 1), SPLIT), step()
    values = {}
    for per_step in ("all", 20):
        config = stage.Config(**options, users_per_step=per_step, reduction=reduction)
        context = context_of(SPLIT, taught)
        attached = stage(config).attach(one.model, context)
        context.generator.manual_seed(1)  # the same lists
        attached.on_epoch(1)
        losses = [torch.stack(list(attached.loss(one).values())).sum().item() for _ in range(400)]
        values[per_step] = torch.tensor(losses)
    drawn, whole = values[20], values["all"][0]
    assert drawn.std() > 0
    assert abs(drawn.mean() - whole) < 4 * drawn.std() / 20


def test_auto_takes_an_eighth_of_the_samples_and_fewer_of_long_lists() -> None:
    one = step()
    for length, expected in ((10, 25), (50, 25), (60, 20), (1000, 16)):
        sample = StepUsers("auto", torch.Generator().manual_seed(0), length).of(one)
        assert len(sample.ids) == expected == users_per_step("auto", 200, length)
        assert sample.share == 200 / expected
        assert torch.equal(sample.ids, sample.ids.unique())


def test_entities_are_the_same_share_of_both_sides() -> None:
    users = StepUsers(10, torch.Generator().manual_seed(0))
    drawn = users.entities(step())
    sides = {"users": (drawn[0], 200), "items": (drawn[1], 60)}
    for sample, size in sides.values():
        assert len(sample.ids) == round(size * 20 / 260)
        assert sample.share == size / len(sample.ids)


def test_a_number_beyond_the_batch_takes_all() -> None:
    sample = StepUsers(1000, torch.Generator().manual_seed(0)).of(step())
    assert torch.equal(sample.ids, torch.arange(SPLIT.n_users))
    assert sample.share == 1


def test_all_draws_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    users = StepUsers("all", generator)
    state = generator.get_state()
    sample = users.of(step())
    assert torch.equal(sample.ids, torch.arange(SPLIT.n_users))
    assert torch.equal(state, generator.get_state())


@pytest.mark.parametrize("per_step", [0, -3])
def test_fewer_than_one_is_refused(per_step: int) -> None:
    with pytest.raises(ValueError, match=r"users_per_step=.* must be 1 or more, or auto or all"):
        KDConfig(users_per_step=per_step)
