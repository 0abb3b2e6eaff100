"""The point-wise and pair-wise losses, against their formulas in plain Python, and their gradients."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, floor, log, tanh
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor

from rexp.compress.distill._base import weighed
from rexp.compress.distill.cd import soft_labels
from rexp.compress.distill.hard_labels import labeled
from rexp.compress.distill.kd import KDConfig, soft_bce, soft_lists
from rexp.compress.distill.rd import discrepancy_weights, position_weights, weighted_positives
from rexp.compress.distill.unkd import ranked_pairs

from .helpers import OneStep, mf, pairs, split_of

if TYPE_CHECKING:
    from rexp.nn.reduction import Reduction

# Two users, four items.
S = [[0.5, -1.0, 2.0, 0.1], [1.5, 0.0, -0.5, -2.0]]
T = [[2.0, -0.5, 1.0, 0.3], [0.2, 1.1, -3.0, 0.7]]
STUDENT, TEACHER = torch.tensor(S, dtype=torch.float64), torch.tensor(T, dtype=torch.float64)
GONE = -torch.inf


def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


def softmax(scores: list[float], temperature: float) -> list[float]:
    weights = [exp(score / temperature) for score in scores]
    return [weight / sum(weights) for weight in weights]


def test_soft_bce() -> None:
    found = soft_bce(STUDENT, TEACHER, 2.0)
    for ours, theirs, losses in zip(S, T, found.tolist(), strict=True):
        for s, t, loss in zip(ours, theirs, losses, strict=True):
            q, p = sigmoid(t / 2), sigmoid(s / 2)
            assert loss == pytest.approx(-q * log(p) - (1 - q) * log(1 - p), rel=1e-12)


def test_soft_lists() -> None:
    expected = []
    for ours, theirs in zip(S, T, strict=True):
        p, q = softmax(ours, 3.0), softmax(theirs, 3.0)
        expected.append(sum(b * log(b / a) for a, b in zip(p, q, strict=True)))
    assert soft_lists(STUDENT, TEACHER, 3.0).tolist() == pytest.approx(expected, rel=1e-12)
    assert soft_lists(TEACHER, TEACHER, 3.0).tolist() == pytest.approx([0, 0], abs=1e-15)


def test_the_mix_of_soft_and_hard() -> None:
    assert KDConfig(weight=2.0, alpha=0.5).factor == 2.0
    # alpha hard + (1 - alpha) soft, over alpha: hard + 3 soft.
    assert KDConfig(alpha=0.25).factor == pytest.approx(3.0)
    assert KDConfig(alpha=1.0).factor == 0.0
    assert KDConfig(temperature=4.0, squared=True).factor == 16.0


def test_hard_labels() -> None:
    expected = [-sum(log(sigmoid(s)) for s in row[:3]) - log(1 - sigmoid(row[3])) for row in S]
    assert labeled(STUDENT[:, :3], STUDENT[:, 3:]).tolist() == pytest.approx(expected, rel=1e-12)


def test_soft_labels() -> None:
    expected = []
    for ours, theirs in zip(S, T, strict=True):
        labels = [sigmoid((t + 0.5) / 2) for t in theirs]
        expected.append(
            -sum(
                q * log(sigmoid(s) + 1e-10) + (1 - q) * log(1 - sigmoid(s) + 1e-10)
                for s, q in zip(ours, labels, strict=True)
            )
        )
    assert soft_labels(STUDENT, TEACHER, 2.0, 0.5).tolist() == pytest.approx(expected, rel=1e-12)


def test_weights_by_position() -> None:
    weights = [exp(-r / 2) for r in (1, 2, 3)]
    assert position_weights(3, 2.0).tolist() == pytest.approx([weight / sum(weights) for weight in weights], rel=1e-6)


def apart(scores: Tensor, n_sampled: int) -> Tensor:
    """No sampled item is one of those of ``scores``."""
    return torch.zeros(*scores.shape, n_sampled, dtype=torch.bool)


def test_weights_by_discrepancy() -> None:
    sampled = [[0.2, 0.6, -3.0, 5.0], [0.0, 0.0, 0.0, 3.0]]
    n_items, mu = 11, 0.1
    expected = []
    for ours, others in zip(S, sampled, strict=True):
        ranks = [floor((n_items - 1) * sum(other > s for other in others) / 4) for s in ours]
        expected.append([max(0.0, tanh(mu * (rank - r))) for r, rank in enumerate(ranks)])
    found = discrepancy_weights(STUDENT, torch.tensor(sampled).double(), apart(STUDENT, 4), n_items, mu)
    for ours, theirs in zip(found.tolist(), expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-6)
    # The first row: 2 of 4 above 0.5 is rank 5; then 4 x below the teacher's 1 is rank 7.
    assert found[0, :2].tolist() == pytest.approx([tanh(0.5), tanh(0.6)], rel=1e-6)


def test_samples_that_are_not_there_are_not_counted() -> None:
    sampled = torch.tensor([[1.0, GONE], [GONE, GONE]])
    scores = torch.tensor([[0.0], [0.0]])
    found = discrepancy_weights(scores, sampled, apart(scores, 2), 5, 0.1)
    assert found.flatten().tolist() == pytest.approx([tanh(0.4), 0.0])


def test_a_sampled_item_is_not_above_itself() -> None:
    # The second sample is the item itself, its score computed in another order of summing.
    scores, sampled = torch.tensor([[1.0]]), torch.tensor([[0.5, 1.0000001, 2.0]])
    same = torch.tensor([[[False, True, False]]])
    assert discrepancy_weights(scores, sampled, same, 10, 0.1).item() == pytest.approx(tanh(0.3))


def test_weighted_positives() -> None:
    weights = torch.tensor([[0.5, 0.3, 0.2, 0.0], [0.1, 0.2, 0.3, 0.4]], dtype=torch.float64)
    expected = [
        -sum(w * log(sigmoid(s)) for w, s in zip(row, ours, strict=True))
        for row, ours in zip(weights.tolist(), S, strict=True)
    ]
    assert weighted_positives(STUDENT, weights).tolist() == pytest.approx(expected, rel=1e-12)


def test_ranked_pairs() -> None:
    expected = [-sum(log(sigmoid(row[a] - row[b]) + 1e-10) for a, b in ((0, 2), (1, 3))) / 2 for row in S]
    assert ranked_pairs(STUDENT[:, :2], STUDENT[:, 2:]).tolist() == pytest.approx(expected, rel=1e-12)


WEIGHTS = torch.tensor([[0.4, 0.3, 0.2, 0.1]], dtype=torch.float64)
LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "soft_bce": lambda s: soft_bce(s, TEACHER, 2.0),
    "soft_lists": lambda s: soft_lists(s, TEACHER, 0.5),
    "labeled": lambda s: labeled(s[:, :2], s[:, 2:]),
    "soft_labels": lambda s: soft_labels(s, TEACHER, 2.0, 0.0),
    "weighted_positives": lambda s: weighted_positives(s, WEIGHTS),
    "ranked_pairs": lambda s: ranked_pairs(s[:, :2], s[:, 2:]),
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradients(name: str) -> None:
    assert torch.autograd.gradcheck(LOSSES[name], STUDENT.clone().requires_grad_())


@pytest.mark.parametrize("name", LOSSES)
def test_extreme_scores_are_finite(name: str) -> None:
    student = torch.tensor([[1e3, -1e3, -1e3, 1e3]], requires_grad=True)
    wanted = torch.tensor([[-1e3, 1e3, 1e3, -1e3]])
    losses: dict[str, Callable[[Tensor], Tensor]] = LOSSES | {
        "soft_bce": lambda s: soft_bce(s, wanted, 2.0),
        "soft_lists": lambda s: soft_lists(s, wanted, 0.5),
        "soft_labels": lambda s: soft_labels(s, wanted, 2.0, 0.0),
        "weighted_positives": lambda s: weighted_positives(s, WEIGHTS.float()),
    }
    loss = losses[name](student).sum()
    assert torch.isfinite(loss)
    loss.backward()
    assert torch.isfinite(student.grad).all()


# What each gives for the first three of a list whose fourth is not there.
PADDED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "soft_lists": lambda s, t: soft_lists(s, t, 0.5),
    "labeled as positive": lambda s, t: labeled(s, t[:, :0]),
    "labeled as negative": lambda s, t: labeled(t[:, :0], s),
    "soft_labels": lambda s, t: soft_labels(s, t, 2.0, 0.0),
    "weighted_positives": lambda s, t: weighted_positives(s, WEIGHTS[:, : s.shape[1]]),
    "ranked_pairs": ranked_pairs,
}


@pytest.mark.parametrize("name", PADDED)
def test_padding_changes_nothing(name: str) -> None:
    gone = torch.full((2, 1), GONE, dtype=torch.float64)
    student = torch.cat([STUDENT[:, :3], gone], 1).requires_grad_()
    found = PADDED[name](student, torch.cat([TEACHER[:, :3], gone], 1))
    short = PADDED[name](STUDENT[:, :3], TEACHER[:, :3])
    torch.testing.assert_close(found, short)
    found.sum().backward()
    assert torch.isfinite(student.grad).all()
    assert not student.grad[:, 3].any()


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_nothing_weighs_nothing(reduction: Reduction) -> None:
    split = split_of()
    step: Any = OneStep(mf(split, 4, 0), pairs(split, 8, torch.Generator().manual_seed(0)))
    assert weighed(step, 2.0, torch.empty(0), reduction).item() == 0
