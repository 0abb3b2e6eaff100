"""A teacher's scores on a scale of their own, and what is left of it."""

from __future__ import annotations

import math

import pytest
import torch

from rexp.compress.distill._standardize import TeacherScale, moments
from rexp.compress.distill.kd import KD, KDConfig

from .helpers import OneStep, Teacher, context_of, mf, pairs, split_of

SPLIT = split_of()


def test_moments_by_hand() -> None:
    mean, deviation = moments(torch.tensor([[4.0, 2.0, 0.0, -torch.inf], [5.0, 5.0, -torch.inf, -torch.inf]]))
    torch.testing.assert_close(mean, torch.tensor([2.0, 5.0]))
    torch.testing.assert_close(deviation, torch.tensor([math.sqrt(8 / 3), 1.0]))


def test_scores_of_lists_and_of_pairs_agree() -> None:
    taught = Teacher(mf(SPLIT, 4, 1), SPLIT)
    scale = TeacherScale("auto", taught, 10)
    lists = scale.of(taught.top_scores(10))
    torch.testing.assert_close(lists.mean(1), torch.zeros(SPLIT.n_users), atol=1e-5, rtol=0)
    torch.testing.assert_close(lists.std(1, correction=0), torch.ones(SPLIT.n_users))
    users = torch.tensor([7, 3])
    items = taught.top_items(10)[users, 2].long()
    torch.testing.assert_close(scale.of(taught.scores(users, items), users), lists[users, 2])


@pytest.mark.parametrize("factor", [0.001, 1000.0])
def test_a_teacher_on_another_scale_teaches_the_same(factor: float) -> None:
    """Its scores times a factor: without a scale the small ones teach no order, and the large ones a single item."""
    student = mf(SPLIT, 4, 2)
    step = OneStep(student, pairs(SPLIT, 30, torch.Generator().manual_seed(0)))
    losses = {}
    for name, by in (("plain", 1.0), ("scaled", factor)):
        model = mf(SPLIT, 4, 1)
        with torch.no_grad():
            model.items.weight.mul_(by)
        for scale in ("auto", "none"):
            config = KDConfig(k=10, scale=scale, users_per_step="all")  # type: ignore[arg-type]
            attached = KD(config).attach(student, context_of(SPLIT, Teacher(model, SPLIT)))
            attached.on_epoch(1)
            losses[name, scale] = attached.loss(step)["kd"].item()
    assert losses["scaled", "auto"] == pytest.approx(losses["plain", "auto"], rel=1e-3)
    assert losses["scaled", "none"] != pytest.approx(losses["plain", "none"], rel=0.1)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.inf, math.nan])
def test_a_scale_that_is_none_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="must be a number above 0, or auto or none"):
        KDConfig(scale=scale)


@pytest.mark.parametrize("score", [0.1, 2.9, -1e6])
def test_equal_scores_are_equal_whatever_their_rounding(score: float) -> None:
    assert moments(torch.full((1, 100), score))[1].item() == 1
