"""Every stage at work: what it draws, what it adds to the loss, and that a student learns from it alone."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from rexp.api import Batch, Query, Requirement, StageContext
from rexp.compress.distill._topology import between_groups, within_groups
from rexp.compress.distill._vectors import positives_and_negatives
from rexp.compress.distill.aligned import Aligned
from rexp.compress.distill.cd import CD
from rexp.compress.distill.dcd import DCD
from rexp.compress.distill.de import DE
from rexp.compress.distill.fitnet import FitNet
from rexp.compress.distill.ftd import FTD
from rexp.compress.distill.hard_labels import HardLabels
from rexp.compress.distill.htd import HTD
from rexp.compress.distill.irrrd import IRRRD
from rexp.compress.distill.kd import KD
from rexp.compress.distill.rd import RD
from rexp.compress.distill.rrd import RRD
from rexp.compress.distill.unkd import UnKD
from rexp.errors import ConfigError
from rexp.models.ncf import NCF, NCFConfig

from .helpers import OneStep, Teacher, context_of, learn, mf, pairs, split_of

if TYPE_CHECKING:
    from rexp.models.mf import MF

ALL = {"users_per_step": "all"}
LISTS = ALL | {"n_positive": 5, "n_negative": 10, "depth": 12}
STAGES: dict[str, tuple[type, dict[str, Any]]] = {
    "kd": (KD, ALL | {"k": 12, "random": 10}),
    "hard_labels": (HardLabels, ALL | {"k": 5}),
    "fitnet": (FitNet, dict(ALL)),
    "rd": (RD, ALL | {"k": 5, "static_epochs": 2, "samples": 20}),
    "cd": (CD, ALL | {"scale": "none", "depth": 30, "n": 10, "weight": 1.0}),
    "de": (DE, ALL | {"experts": 3}),
    "rrd": (RRD, LISTS),
    "irrrd": (IRRRD, LISTS | {"item_n_positive": 4, "item_n_negative": 8}),
    "dcd": (DCD, LISTS | {"k": 4, "item_k": 3}),
    "ftd": (FTD, dict(ALL)),
    "htd": (HTD, ALL | {"groups": 3}),
    "unkd": (UnKD, ALL | {"groups": 2, "n": 12}),
    "aligned": (Aligned, {}),
}
PROJECTED = {"fitnet", "de"}
VECTORS = {"fitnet", "de", "ftd", "htd", "aligned"}
SPLIT = split_of()


def attach(name: str, model: Any, context: StageContext, **options: Any) -> Any:
    stage, small = STAGES[name]
    return stage(stage.Config(**small | options)).attach(model, context)  # type: ignore[attr-defined]


def teacher() -> Teacher:
    return Teacher(mf(SPLIT, 4, 1), SPLIT)


def common(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Mean share of the teacher's items among ours."""
    return (ours.unsqueeze(2) == theirs.unsqueeze(1)).any(2).double().mean().item()


def overlap(model: MF, taught: Teacher, k: int = 5) -> float:
    return common(Teacher(deepcopy(model), SPLIT).top_items(k), taught.top_items(k))


@pytest.mark.parametrize("name", STAGES)
def test_what_a_stage_says_of_itself(name: str) -> None:
    stage: Any = STAGES[name][0]
    assert stage.phase == "train"
    assert stage.trainable_after
    assert stage.modules == {}
    vectors = {Requirement.VECTORS} if name in VECTORS else set()
    assert stage.needs - {Requirement.PAIRS} == {Requirement.TEACHER} | vectors
    assert (Requirement.PAIRS in stage.needs) == (name == "cd"), "kd asks for pairs by its options alone"


@pytest.mark.parametrize("name", [name for name in STAGES if name not in PROJECTED])
def test_a_student_learns_the_teacher_s_order_by_the_loss_alone(name: str) -> None:
    student, taught = mf(SPLIT, 4, 2, 0.1), teacher()
    before = overlap(student, taught)
    curve = learn(attach(name, student, context_of(SPLIT, taught, 60)), student, SPLIT, 60)
    assert sum(curve[-5:]) < 0.9 * sum(curve[3:8])  # from epoch 4, when all weights have joined
    assert overlap(student, taught) > before + 0.1


@pytest.mark.parametrize("name", sorted(PROJECTED))
def test_a_student_s_vectors_come_to_tell_the_teacher_s(name: str) -> None:
    """What is projected need not keep the order: the projection is dropped."""
    student, taught = mf(SPLIT, 4, 2, 0.1), teacher()

    def untold() -> float:
        """The share of the teacher's vectors of items that no linear map makes of the student's."""
        vectors = taught.model.items.weight
        found = torch.linalg.lstsq(student.items.weight.detach(), vectors).solution
        return ((vectors - student.items.weight.detach() @ found).square().sum() / vectors.square().sum()).item()

    before = untold()
    curve = learn(attach(name, student, context_of(SPLIT, taught, 60)), student, SPLIT, 60)
    assert sum(curve[-5:]) < 0.5 * sum(curve[:5])
    assert before > 0.8
    assert untold() < 0.6


@pytest.mark.parametrize("name", STAGES)
def test_the_model_s_parameters_stay_the_model_s(name: str) -> None:
    student = mf(SPLIT, 4, 2)
    attached = attach(name, student, context_of(SPLIT, teacher()))
    assert isinstance(attached, nn.Module)
    ours = {id(parameter) for parameter in student.parameters()}
    own = list(attached.parameters())
    assert not any(id(parameter) in ours for parameter in own)
    assert bool(own) == (name in {"fitnet", "de", "htd"})
    assert [key for key, _ in student.named_modules()] == [key for key, _ in mf(SPLIT, 4, 2).named_modules()]
    attached.on_epoch(1)
    batch = pairs(SPLIT, 40, torch.Generator().manual_seed(0))
    sum(attached.loss(OneStep(student, batch)).values()).backward()
    assert student.users.weight.grad.abs().sum() > 0
    if name != "htd":  # whose gates choose groups, and are trained by the assignment as well
        assert all(parameter.grad is not None for parameter in own)


@pytest.mark.parametrize("name", STAGES)
def test_equal_seeds_give_equal_losses_and_epochs_differ_where_lists_are_drawn(name: str) -> None:
    batch = pairs(SPLIT, 40, torch.Generator().manual_seed(0))

    def two_epochs(seed: int) -> list[float]:
        student = mf(SPLIT, 4, 2)
        attached = attach(name, student, context_of(SPLIT, teacher(), seed=seed))
        values = []
        for epoch in (10, 11) if name == "kd" else (11, 12):  # kd draws in epochs 1, 6, 11, ...
            attached.on_epoch(epoch)
            values.append(sum(value.item() for value in attached.loss(OneStep(student, batch)).values()))
        return values

    first, second = two_epochs(0)
    assert two_epochs(0) == [first, second]
    if name not in {"fitnet", "ftd", "aligned"}:
        assert first != second
        assert two_epochs(1)[0] != first


@pytest.mark.parametrize("name", STAGES)
def test_users_of_a_batch_count_once_and_weights_are_factors(name: str) -> None:
    student = mf(SPLIT, 4, 2)
    batch = Batch(Query(torch.tensor([3, 5])), torch.tensor([[1, 7], [2, 8]]))
    twice = Batch(Query(torch.tensor([3, 5, 3, 5])), batch.items.repeat(2, 1))

    def value(batch: Batch, **options: float) -> float:
        attached = attach(name, student, context_of(SPLIT, teacher()), **options)
        attached.on_epoch(1)
        sums = getattr(attached.config, "reduction", "sum") == "sum"
        return sum(loss.item() for loss in attached.loss(OneStep(student, batch, sums)).values())

    assert value(twice) == pytest.approx(value(batch), rel=1e-5)
    if name not in {"irrrd", "dcd", "aligned"}:  # which have several weights
        weight = attach(name, student, context_of(SPLIT, teacher())).config.weight
        assert value(batch, weight=3 * weight) == pytest.approx(3 * value(batch), rel=1e-5)


@pytest.mark.parametrize("name", sorted(set(STAGES) - VECTORS))
def test_stages_that_read_scores_take_any_student(name: str) -> None:
    torch.manual_seed(0)
    student = NCF(NCFConfig(), SPLIT.spec)
    attached = attach(name, student, context_of(SPLIT, teacher()))
    attached.on_epoch(1)
    batch = pairs(SPLIT, 40, torch.Generator().manual_seed(0))
    loss = sum(attached.loss(OneStep(student, batch)).values())
    loss.backward()
    assert torch.isfinite(loss)
    assert any(parameter.grad.abs().sum() > 0 for parameter in student.parameters())


def test_without_a_teacher() -> None:
    with pytest.raises(ConfigError, match="needs a teacher"):
        attach("ftd", mf(SPLIT, 4, 2), StageContext(SPLIT, torch.Generator()))


def test_labels_of_the_batch() -> None:
    student, taught = mf(SPLIT, 4, 2), teacher()
    users, items = torch.tensor([3, 5]), torch.tensor([[1, 7], [2, 8]])
    attached = attach(
        "kd", student, context_of(SPLIT, taught), mode="pointwise", scale="none", temperature=2.0, weight=0.5
    )
    (loss,) = attached.loss(OneStep(student, Batch(Query(users), items))).values()
    q = (taught.scores(users, items) / 2).sigmoid()
    p = (student.score(Query(users), items) / 2).sigmoid()
    torch.testing.assert_close(loss, -0.5 * (q * p.log() + (1 - q) * (1 - p).log()).sum())
    with pytest.raises(ConfigError, match="mode=listwise"):
        attached.loss(OneStep(student, Batch(Query(users), torch.empty(2, 0, dtype=torch.int64))))


@pytest.mark.parametrize("name", ["kd", "cd"])
@pytest.mark.parametrize("guide", ["student", "teacher"])
def test_whose_lists(name: str, guide: str) -> None:
    student, taught = mf(SPLIT, 4, 2), teacher()
    sizes = {"k": 6, "random": 0} if name == "kd" else {"depth": 6, "n": 6}
    attached = attach(name, student, context_of(SPLIT, taught), ranked_by=guide, **sizes)
    attached.on_epoch(1)
    lists = attached.lists if name == "kd" else attached.items
    guides = {"student": Teacher(mf(SPLIT, 4, 2), SPLIT), "teacher": taught}
    assert torch.equal(lists.sort(1).values, guides[guide].top_items(6).sort(1).values)


def test_fixed_lists_are_the_same_in_every_epoch() -> None:
    taught = teacher()
    attached = attach("rrd", mf(SPLIT, 4, 2), context_of(SPLIT, taught), fixed=True)
    for epoch in (1, 2):
        attached.on_epoch(epoch)
        assert torch.equal(attached.positives, taught.top_items(5))


def test_the_second_weights_join_after_the_static_epochs() -> None:
    attached = attach("rd", mf(SPLIT, 4, 2), context_of(SPLIT, teacher()), static_epochs=2)
    drawn = []
    for epoch in (1, 2, 3):
        attached.on_epoch(epoch)
        drawn.append(attached.sampled is not None)
    assert drawn == [False, False, True]


@pytest.mark.parametrize("name", ["de", "htd"])
def test_the_temperature_falls_over_the_fit(name: str) -> None:
    attached = attach(name, mf(SPLIT, 4, 2), context_of(SPLIT, teacher(), max_epochs=10))
    found = []
    for epoch in (1, 2, 6):
        attached.on_epoch(epoch)
        found.append(attached.temperature)
    assert found == pytest.approx([1, 0.1, 1e-5])


@pytest.mark.parametrize("prototypes", ["entity", "group"])
def test_users_and_items_are_grouped_apart(prototypes: str) -> None:
    """One group a side, so that its expert is certain."""
    student, taught = mf(SPLIT, 4, 2), teacher()
    options = {"groups": 1, "alpha": 0.25, "weight": 2.0, "prototypes": prototypes}
    attached = attach("htd", student, context_of(SPLIT, taught), **options)
    attached.on_epoch(1)
    step = OneStep(student, pairs(SPLIT, 20, torch.Generator().manual_seed(0)))
    sides = {}
    for side, ids in (("users", step.users), ("items", step.items)):
        sides[side] = (getattr(student, side).weight[ids], getattr(taught.model, side).weight[ids])
    both = [torch.cat([sides["users"][who], sides["items"][who]]) for who in (0, 1)]
    groups = torch.cat([torch.zeros(len(step.users)), torch.ones(len(step.items))]).long()
    topology = within_groups(*both, groups) + between_groups(*both, groups, entities=prototypes == "entity")
    assignment = sum(
        (theirs - experts(ours, torch.ones(len(ours), 1))).square().sum()
        for experts, (ours, theirs) in zip((attached.of_users, attached.of_items), sides.values(), strict=True)
    )
    losses = attached.loss(step)
    assert losses["topology"].item() == pytest.approx(2 * 0.25 * topology.item(), rel=1e-5)
    assert losses["assignment"].item() == pytest.approx(2 * 0.75 * assignment.item(), rel=1e-5)


def test_positives_count_in_half_as_negatives_do() -> None:
    student, taught = mf(SPLIT, 4, 2), teacher()
    attached = attach("de", student, context_of(SPLIT, taught), experts=1)
    attached.on_epoch(1)
    batch = Batch(Query(torch.tensor([3, 5, 3])), torch.tensor([[1, 7], [2, 8], [1, 2]]))
    one = torch.ones(1, 1)

    def distance(experts: Any, student_vector: torch.Tensor, teacher_vector: torch.Tensor) -> float:
        return (teacher_vector - experts(student_vector[None], one)[0]).square().sum().item()

    users = sum(distance(attached.of_users, student.users.weight[u], taught.model.users.weight[u]) for u in (3, 5))
    # Item 2 is a positive of one row and a negative of another: it counts in both.
    items = [
        distance(attached.of_items, student.items.weight[i], taught.model.items.weight[i]) for i in (1, 2, 2, 7, 8)
    ]
    expected = 0.01 * (users + 0.5 * sum(items))
    assert attached.loss(OneStep(student, batch))["de"].item() == pytest.approx(expected, rel=1e-5)


def test_positives_and_negatives_of_every_layout() -> None:
    users = Query(torch.arange(3))
    points = Batch(users, torch.tensor([4, 2, 4]), labels=torch.tensor([1.0, 0.0, 0.0]))
    assert [side.tolist() for side in positives_and_negatives(points)] == [[4], [2, 4]]
    log_q = torch.tensor([[0.0, 0.0, torch.inf]] * 3)
    rows = Batch(users, torch.tensor([[4, 1, 0], [5, 2, 0], [4, 2, 0]]), log_q=log_q)
    assert [side.tolist() for side in positives_and_negatives(rows)] == [[4, 5], [1, 2]]
    sequences = Batch(users, torch.tensor([[[-1, -1], [3, 1]], [[4, 2], [5, 1]], [[-1, -1], [-1, -1]]]))
    assert [side.tolist() for side in positives_and_negatives(sequences)] == [[3, 4, 5], [1, 2]]
    assert [len(side) for side in positives_and_negatives(Batch(users, torch.empty(3, 0, dtype=torch.int64)))] == [0, 0]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("kd", {"alpha": 0.0}),
        ("kd", {"temperature": 0.0}),
        ("hard_labels", {"k": 0}),
        ("fitnet", {"hidden": -1}),
        ("rd", {"scale": 0.0}),
        ("cd", {"n": 5, "depth": 4}),
        ("de", {"experts": 0}),
        ("de", {"end_temperature": 0.0}),
        ("rrd", {"n_positive": 20, "depth": 10}),
        ("irrrd", {"item_n_negative": 0}),
        ("dcd", {"k": 600, "depth": 500}),
        ("htd", {"alpha": 1.5}),
        ("unkd", {"n": 2, "groups": 3}),
        ("unkd", {"scale": 0.05}),
        ("cd", {"temperature": 0.00001}),
        ("aligned", {"rating": -0.1}),
    ],
)
def test_options_that_cannot_be(name: str, options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        STAGES[name][0].Config(**options)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", STAGES)
def test_a_weight_means_the_same_beside_a_sum_and_a_mean(name: str) -> None:
    """A fit's loss that is a mean over the batch is smaller by its size; so is what a stage adds."""
    student = mf(SPLIT, 4, 2)
    batch = Batch(Query(torch.tensor([3, 5, 9])), torch.tensor([[1, 7], [2, 8], [4, 9]]))

    def value(sums: bool) -> float:
        attached = attach(name, student, context_of(SPLIT, teacher()))
        attached.on_epoch(1)
        return sum(loss.item() for loss in attached.loss(OneStep(student, batch, sums)).values())

    assert value(sums=False) == pytest.approx(value(sums=True) / 3, rel=1e-5)
