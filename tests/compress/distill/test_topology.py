"""Topology losses, against cosines computed pair by pair."""

from __future__ import annotations

from math import sqrt

import pytest
import torch
from torch import Tensor

from rexp.compress.distill._topology import between_groups, full_topology, prototypes, within_groups

GROUPS = torch.tensor([4, 0, 4, 2, 0, 4])


def vectors(size: int, seed: int) -> Tensor:
    return torch.randn(6, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def cosine(a: list[float], b: list[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / sqrt(sum(x * x for x in a)) / sqrt(sum(y * y for y in b))


def mean(rows: list[list[float]]) -> list[float]:
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


STUDENT, TEACHER = vectors(2, 0), vectors(5, 1)
S, T = STUDENT.tolist(), TEACHER.tolist()
ALL = range(6)


def test_all_pairs() -> None:
    expected = sum((cosine(T[a], T[b]) - cosine(S[a], S[b])) ** 2 for a in ALL for b in ALL)
    assert full_topology(STUDENT, TEACHER).item() == pytest.approx(expected, rel=1e-12)


def test_two_vectors_by_arithmetic() -> None:
    # The teacher's two are at a right angle, the student's are the same: (0 - 1)^2, once each way.
    student, teacher = torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0, 0.0], [0.0, 1.0]])
    assert full_topology(student, teacher).item() == pytest.approx(2.0)


def test_the_shortcut_is_the_matrix_of_all_pairs() -> None:
    generator = torch.Generator().manual_seed(0)
    student = torch.randn(300, 20, generator=generator, requires_grad=True)
    teacher = torch.randn(300, 200, generator=generator)
    ours, theirs = (rows / rows.norm(dim=1, keepdim=True) for rows in (student, teacher))
    plain = (theirs @ theirs.T - ours @ ours.T).square().sum()
    short = full_topology(student, teacher)
    assert short.item() == pytest.approx(plain.item(), rel=1e-5)
    wanted, found = (torch.autograd.grad(loss, student)[0] for loss in (plain, short))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_pairs_within_a_group_that_the_teacher_finds_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = GROUPS.tolist()
    expected = sum(
        (cosine(T[a], T[b]) - cosine(S[a], S[b])) ** 2
        for a in ALL
        for b in ALL
        if groups[a] == groups[b] and cosine(T[a], T[b]) > 0
    )
    left_out = [cosine(T[a], T[b]) <= 0 for a in ALL for b in ALL if groups[a] == groups[b]]
    assert any(left_out)
    assert within_groups(STUDENT, TEACHER, GROUPS).item() == pytest.approx(expected, rel=1e-12)
    monkeypatch.setattr("rexp.compress.distill._topology.AT_ONCE", 5)
    assert within_groups(STUDENT, TEACHER, GROUPS).item() == pytest.approx(expected, rel=1e-12)


def test_prototypes_are_means_of_the_groups_there_are() -> None:
    expected = [mean([S[1], S[4]]), S[3], mean([S[0], S[2], S[5]])]
    torch.testing.assert_close(prototypes(STUDENT, GROUPS), torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("entities", [True, False])
def test_prototypes_against_entities_or_one_another(entities: bool) -> None:
    ours, theirs = prototypes(STUDENT, GROUPS).tolist(), prototypes(TEACHER, GROUPS).tolist()
    others = zip(S, T, strict=True) if entities else zip(ours, theirs, strict=True)
    expected = sum(
        (cosine(t, other_t) - cosine(s, other_s)) ** 2
        for other_s, other_t in others
        for s, t in zip(ours, theirs, strict=True)
    )
    found = between_groups(STUDENT, TEACHER, GROUPS, entities=entities)
    assert found.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("loss", [full_topology, lambda s, t: within_groups(s, t, GROUPS)])
def test_gradients(loss: object) -> None:
    assert torch.autograd.gradcheck(lambda rows: loss(rows, TEACHER), STUDENT.clone().requires_grad_())  # type: ignore[operator]


def test_a_prototype_has_no_gradient() -> None:
    student = STUDENT.clone().requires_grad_()
    fixed = prototypes(STUDENT, GROUPS)

    def by_hand(rows: Tensor) -> Tensor:
        ours = torch.nn.functional.normalize(fixed) @ torch.nn.functional.normalize(rows).T
        theirs = prototypes(TEACHER, GROUPS)
        wanted = torch.nn.functional.normalize(theirs) @ torch.nn.functional.normalize(TEACHER).T
        return (wanted - ours).square().sum()

    expected = torch.autograd.grad(by_hand(student), student)[0]
    found = torch.autograd.grad(between_groups(student, TEACHER, GROUPS), student)[0]
    torch.testing.assert_close(found, expected)
    assert torch.autograd.gradcheck(by_hand, student)
