"""Bidirectional distillation: who is drawn, what both learn, and who is refused."""

from __future__ import annotations

from math import exp, log
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rexp.api import Batch, Query, StageContext
from rexp.compress.distill.bd import BD, BDConfig, BDLoss, draw_with, overrated
from rexp.errors import ConfigError
from rexp.losses.bpr import BPR, BPRConfig
from rexp.models.ncf import NCF, NCFConfig
from rexp.models.sasrec import SASRec

from .helpers import OneStep, mf, pairs, split_of

SPLIT = split_of()
INF = float("inf")


class Step(OneStep):
    """A step whose own loss is BPR, summed."""

    def objective(self, model: Any) -> Tensor:
        loss = BPR(BPRConfig(reduction="sum"))
        return loss(model.score(self.batch.query, self.batch.items), self.batch)


def attached(seed: int = 0, **options: Any) -> tuple[Any, BDLoss]:
    student, teacher = mf(SPLIT, 3, seed), mf(SPLIT, 8, seed + 1)
    context = StageContext(SPLIT, torch.Generator().manual_seed(seed), None, 20, online=teacher)
    return student, BD(BDConfig(**options)).attach(student, context)


def batch_of(n: int = 40) -> Batch:
    return pairs(SPLIT, n, torch.Generator().manual_seed(3))


def test_an_item_is_overrated_by_the_places_it_stands_higher() -> None:
    own = torch.tensor([[3.0, 2.0, 1.0, -INF]])
    other = torch.tensor([[1.0, 2.0, 3.0, -INF]])
    assert overrated(own, other).tolist() == [[2.0, 0.0, -2.0, -INF]]


def test_items_are_drawn_in_proportion_to_their_weights() -> None:
    weights = torch.tensor([[1.0, 0.0, 3.0], [0.0, 0.0, 0.0]])
    drawn = draw_with(weights, 20_000, torch.Generator().manual_seed(0))
    shares = torch.bincount(drawn[0].long(), minlength=3) / 20_000
    assert shares.tolist() == pytest.approx([0.25, 0.0, 0.75], abs=0.01)
    assert (drawn[1] == -1).all()


def test_the_student_gets_what_it_overrates_and_no_training_item() -> None:
    student, stage = attached()
    stage.on_epoch(1)
    users = torch.arange(SPLIT.n_users)
    ours, theirs = (
        model.score_all(Query(users)).detach().index_put((SPLIT_USERS, SPLIT_ITEMS), torch.tensor(-INF))
        for model in (student, stage.teacher)
    )
    places = overrated(ours, theirs)
    assert (places.gather(1, stage.for_student.long()) > 0).all()
    taken = set(zip(SPLIT_USERS.tolist(), SPLIT_ITEMS.tolist(), strict=True))
    for table in (stage.for_student, stage.for_teacher):
        assert not {(user, item) for user, row in enumerate(table.tolist()) for item in row} & taken


SPLIT_USERS, SPLIT_ITEMS = (torch.from_numpy(part).long() for part in (SPLIT.train.users, SPLIT.train.items))


def test_the_catalogue_is_ranked_anew_every_so_many_epochs_and_kept_in_a_checkpoint() -> None:
    _, stage = attached(every=3)
    stage.on_epoch(1)
    first = stage.for_student.clone()
    for epoch in (2, 3):
        stage.on_epoch(epoch)
        assert torch.equal(stage.for_student, first)
    stage.on_epoch(4)
    assert not torch.equal(stage.for_student, first)
    assert {"for_student", "for_teacher"} <= set(stage.state_dict())


def test_the_losses_by_hand_in_float64() -> None:
    student, stage = attached()
    student.double()
    stage.teacher.double()
    stage.on_epoch(1)
    stage.for_student[:], stage.for_teacher[:] = 7, 9  # one item each, whichever is picked
    batch = batch_of(2)
    losses = stage.loss(Step(student, batch))

    def cross_entropy(score: float, label: float) -> float:
        probability = 1 / (1 + exp(-score))
        return -label * log(probability) - (1 - label) * log(1 - probability)

    def score(model: Any, user: int, item: int) -> float:
        with torch.no_grad():
            return float(model.score(Query(torch.tensor([user])), torch.tensor([item])))

    users = batch.query.users.tolist()
    soft = [1 / (1 + exp(-score(stage.teacher, user, 7) / 5)) for user in users]
    ours = sum(cross_entropy(score(student, user, 7), label) for user, label in zip(users, soft, strict=True))
    soft = [1 / (1 + exp(-score(student, user, 9) / 5)) for user in users]
    theirs = sum(cross_entropy(score(stage.teacher, user, 9), label) for user, label in zip(users, soft, strict=True))
    assert losses["student"].item() == pytest.approx(0.5 * ours, abs=1e-12)
    assert losses["teacher"].item() == pytest.approx(0.5 * theirs, abs=1e-12)


def test_each_model_learns_by_its_own_losses_alone() -> None:
    student, stage = attached()
    stage.on_epoch(1)
    for name, learner, other in (
        ("student", student, stage.teacher),
        ("teacher", stage.teacher, student),
        ("teacher_objective", stage.teacher, student),
    ):
        for model in (student, stage.teacher):
            model.zero_grad()
        stage.loss(Step(student, batch_of()))[name].backward()
        assert any(parameter.grad is not None and parameter.grad.any() for parameter in learner.parameters())
        assert all(parameter.grad is None for parameter in other.parameters())


def test_the_teacher_is_trained_by_the_fit() -> None:
    student, stage = attached()
    its = {id(parameter) for parameter in stage.teacher.parameters()}
    assert its == {id(parameter) for parameter in stage.parameters()}
    assert not its & {id(parameter) for parameter in student.parameters()}


def test_one_way() -> None:
    student, stage = attached(teacher_weight=0.0)
    stage.on_epoch(1)
    assert set(stage.loss(Step(student, batch_of()))) == {"student", "teacher_objective"}


def test_models_of_different_batches_are_refused() -> None:
    torch.manual_seed(0)
    pointwise = NCF(NCFConfig(factors=4), SPLIT.spec)
    sequential: nn.Module = SASRec(SASRec.Config(), SPLIT.spec)
    context = StageContext(SPLIT, torch.Generator(), None, 20, online=sequential)
    with pytest.raises(ConfigError, match="different batches"):
        BD(BDConfig()).attach(pointwise, context)
    with pytest.raises(ConfigError, match="model@teacher=NAME"):
        BD(BDConfig()).attach(pointwise, StageContext(SPLIT, torch.Generator()))


@pytest.mark.parametrize("options", [{"temperature": 0}, {"samples": 0}, {"every": 0}, {"pool_size": 0}])
def test_options_that_mean_nothing(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        BDConfig(**options)


def test_many_places_do_not_overflow() -> None:
    _, stage = attached(teacher_scale=50.0)
    stage.on_epoch(1)
    assert (stage.for_teacher >= 0).all()
