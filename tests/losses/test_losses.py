"""Losses against values from their formulas in double precision, and against finite differences."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from rexp.api import Batch, Layout, Query
from rexp.losses.bce import BinaryCrossEntropy, BinaryCrossEntropyConfig
from rexp.losses.bpr import BPR, BPRConfig
from rexp.losses.mse import MeanSquaredError, MeanSquaredErrorConfig
from rexp.losses.sampled_softmax import FEW, SampledSoftmax, SampledSoftmaxConfig

INF = math.inf


def batch(scores: Tensor, labels: list[float] | None = None, log_q: Any = None) -> Batch:
    return Batch(
        Query(torch.zeros(len(scores), dtype=torch.int64)),
        torch.zeros(scores.shape, dtype=torch.int64),
        None if labels is None else torch.tensor(labels),
        None if log_q is None else torch.tensor(log_q, dtype=torch.float64),
    )


def double(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


POINT = [0.5, -1.0, 2.0]
POINT_BCE = [-math.log(sigmoid(0.5)), -math.log(1 - sigmoid(-1.0)), -math.log(1 - sigmoid(2.0))]
PAIRS = [[1.0, 0.5], [-2.0, 1.0]]
PAIRS_BPR = [-math.log(sigmoid(0.5)), -math.log(sigmoid(-3.0))]


def test_bce_point() -> None:
    scores = double(POINT)
    mean = BinaryCrossEntropy(BinaryCrossEntropyConfig())
    total = BinaryCrossEntropy(BinaryCrossEntropyConfig(reduction="sum"))
    assert mean.layout is Layout.POINTWISE
    assert mean(scores, batch(scores, [1, 0, 0])).item() == pytest.approx(sum(POINT_BCE) / 3, rel=1e-12)
    assert total(scores, batch(scores, [1, 0, 0])).item() == pytest.approx(sum(POINT_BCE), rel=1e-12)


def test_bce_of_ratings_makes_them_yes_or_no() -> None:
    config = BinaryCrossEntropyConfig(reduction="sum", target="rating", threshold=4)
    scores = double(POINT)
    assert BinaryCrossEntropy(config)(scores, batch(scores, [4, 3.5, 1])).item() == pytest.approx(sum(POINT_BCE))
    for options in ({"target": "rating"}, {"threshold": 4.0}, {"target": "rating", "threshold": 4, "layout": "rows"}):
        with pytest.raises(ValueError, match="target=rating"):
            BinaryCrossEntropyConfig(**options)


def test_bce_leaves_out_what_must_not_count() -> None:
    scores = double(POINT)
    marked = batch(scores, [1, 0, 0], [0.0, -3.0, INF])
    mean = BinaryCrossEntropy(BinaryCrossEntropyConfig())
    total = BinaryCrossEntropy(BinaryCrossEntropyConfig(reduction="sum"))
    assert mean(scores, marked).item() == pytest.approx(sum(POINT_BCE[:2]) / 2, rel=1e-12)
    assert total(scores, marked).item() == pytest.approx(sum(POINT_BCE[:2]), rel=1e-12)


def test_bce_rows_is_the_same_loss_in_another_order() -> None:
    rows = double([[0.5, -1.0, 2.0], [1.5, 0.0, -0.3]])
    labels = [1.0, 0, 0, 1, 0, 0]
    grouped = BinaryCrossEntropy(BinaryCrossEntropyConfig(layout="listwise"))
    point = BinaryCrossEntropy(BinaryCrossEntropyConfig())
    assert grouped.layout is Layout.LISTWISE
    flat = rows.flatten()
    assert grouped(rows, batch(rows)).item() == pytest.approx(point(flat, batch(flat, labels)).item(), rel=1e-12)


def test_bpr() -> None:
    scores = double(PAIRS)
    assert BPR(BPRConfig()).layout is Layout.PAIRWISE
    assert BPR(BPRConfig())(scores, batch(scores)).item() == pytest.approx(sum(PAIRS_BPR) / 2, rel=1e-12)
    assert BPR(BPRConfig("sum"))(scores, batch(scores)).item() == pytest.approx(sum(PAIRS_BPR), rel=1e-12)
    marked = batch(scores, log_q=[[-1.0, -2.0], [-1.0, INF]])
    assert BPR(BPRConfig())(scores, marked).item() == pytest.approx(PAIRS_BPR[0], rel=1e-12)


def test_mse() -> None:
    scores = double(POINT)
    ratings = MeanSquaredError(MeanSquaredErrorConfig("sum", "rating"))
    assert ratings.config.target == "rating"
    assert MeanSquaredError(MeanSquaredErrorConfig()).config.target == "implicit"
    assert ratings(scores, batch(scores, [4, 1, 2])).item() == pytest.approx(3.5**2 + 2**2, rel=1e-12)
    mean = MeanSquaredError(MeanSquaredErrorConfig())
    assert mean(scores, batch(scores, [1, 0, 0])).item() == pytest.approx((0.25 + 1 + 4) / 3, rel=1e-12)


def test_sampled_softmax() -> None:
    scores = double([[1.0, 0.0, 2.0], [0.0, 0.0, 0.0]])
    first = -math.log(math.exp(1) / (math.exp(1) + 1 + math.exp(2)))
    loss = SampledSoftmax(SampledSoftmaxConfig())
    assert loss.layout is Layout.LISTWISE
    assert loss(scores, batch(scores)).item() == pytest.approx((first + math.log(3)) / 2, rel=1e-12)
    summed = SampledSoftmax(SampledSoftmaxConfig("sum", temperature=0.5))
    sharper = -math.log(math.exp(2) / (math.exp(2) + 1 + math.exp(4)))
    assert summed(scores, batch(scores)).item() == pytest.approx(sharper + math.log(3), rel=1e-12)


def test_sampled_softmax_divides_by_the_probability_and_leaves_out_marked_items() -> None:
    scores = double([[1.0, 0.0, 2.0]])
    q = [0.5, 0.1, 0.25]
    loss = SampledSoftmax(SampledSoftmaxConfig())
    weights = [math.exp(s) / p for s, p in zip([1.0, 0.0, 2.0], q, strict=True)]
    corrected = batch(scores, log_q=[[math.log(p) for p in q]])
    assert loss(scores, corrected).item() == pytest.approx(-math.log(weights[0] / sum(weights)), rel=1e-12)
    marked = batch(scores, log_q=[[math.log(0.5), INF, math.log(0.25)]])
    kept = weights[0] + weights[2]
    assert loss(scores, marked).item() == pytest.approx(-math.log(weights[0] / kept), rel=1e-12)


@pytest.mark.parametrize("columns", [FEW, FEW + 1])
def test_sampled_softmax_of_narrow_and_wide_lists_is_one_formula(columns: int) -> None:
    generator = torch.Generator().manual_seed(3)
    scores = torch.randn(5, columns, generator=generator, dtype=torch.float64, requires_grad=True)
    log_q = torch.randn(5, columns, generator=generator, dtype=torch.float64)
    log_q[torch.arange(5), 1 + torch.arange(5)] = INF
    made = SampledSoftmax(SampledSoftmaxConfig())(scores, batch(scores, log_q=log_q.tolist()))
    shares = (scores - log_q).exp()
    by_hand = -(shares[:, 0] / shares.sum(1)).log().mean()
    assert made.item() == pytest.approx(by_hand.item(), rel=1e-12)
    ours, theirs = (torch.autograd.grad(value, scores)[0] for value in (made, by_hand))
    assert torch.allclose(ours, theirs, rtol=1e-12)


CASES: dict[str, tuple[Any, tuple[int, ...], list[float] | None]] = {
    "bce": (BinaryCrossEntropy(BinaryCrossEntropyConfig()), (4,), [1, 0, 0, 1]),
    "bce rows": (BinaryCrossEntropy(BinaryCrossEntropyConfig(layout="listwise")), (4, 3), None),
    "bpr": (BPR(BPRConfig()), (4, 2), None),
    "mse": (MeanSquaredError(MeanSquaredErrorConfig()), (4,), [1, 0, 0, 1]),
    "softmax": (SampledSoftmax(SampledSoftmaxConfig(temperature=0.7)), (4, 3), None),
    "softmax of wide lists": (SampledSoftmax(SampledSoftmaxConfig()), (4, FEW + 1), None),
}


@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_finite_differences(name: str, marked: bool) -> None:
    loss, shape, labels = CASES[name]
    torch.manual_seed(0)
    scores = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    log_q = torch.randn(shape, dtype=torch.float64)
    log_q.view(-1)[-1] = INF  # a negative, or in the layout point any
    given = batch(scores, labels, log_q.tolist() if marked else None)
    assert torch.autograd.gradcheck(lambda x: loss(x, given), (scores,))


@pytest.mark.parametrize("name", [name for name in CASES if name != "mse"])
def test_extreme_scores_stay_finite(name: str) -> None:
    loss, shape, labels = CASES[name]
    scores = torch.full(shape, 1e4).requires_grad_()
    with torch.no_grad():
        scores[0] = -1e4
    value = loss(scores, batch(scores, labels))
    value.backward()
    assert value.isfinite()
    assert scores.grad is not None
    assert scores.grad.isfinite().all()


def test_a_temperature_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="temperature"):
        SampledSoftmaxConfig(temperature=0)


def weighted(values: Batch, weights: list[float]) -> Batch:
    return replace(values, weights=double(weights))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_every_loss_counts_rows_by_their_weights(reduction: Any) -> None:
    """A mean divides by the rows, not by their weights, which have mean 1 over the training part."""
    n = 1 if reduction == "sum" else 3
    bce = BinaryCrossEntropy(BinaryCrossEntropyConfig(reduction=reduction))
    found = bce(double(POINT), weighted(batch(double(POINT), [1, 0, 0]), [2, 0, 0.5]))
    assert found.item() == pytest.approx((2 * POINT_BCE[0] + 0.5 * POINT_BCE[2]) / n, rel=1e-12)
    mse = MeanSquaredError(MeanSquaredErrorConfig(reduction=reduction))
    found = mse(double(POINT), weighted(batch(double(POINT), [1, 0, 0]), [2, 3, 0.5]))
    assert found.item() == pytest.approx((2 * 0.25 + 3 * 1 + 0.5 * 4) / n, rel=1e-12)
    bpr = BPR(BPRConfig(reduction=reduction))(double(PAIRS), weighted(batch(double(PAIRS)), [3, 0.25]))
    assert bpr.item() == pytest.approx(
        (3 * PAIRS_BPR[0] + 0.25 * PAIRS_BPR[1]) / (1 if reduction == "sum" else 2), rel=1e-12
    )


def test_the_weight_of_a_list_is_that_of_its_positive() -> None:
    lists = BinaryCrossEntropy(BinaryCrossEntropyConfig(layout="listwise"))
    scores = double([[0.5, -1.0], [0.5, -1.0]])
    one = POINT_BCE[0] + POINT_BCE[1]
    assert lists(scores, weighted(batch(scores), [3, 1])).item() == pytest.approx(one, rel=1e-12)
    softmax = SampledSoftmax(SampledSoftmaxConfig())
    alone = softmax(scores, batch(scores)).item()
    assert softmax(scores, weighted(batch(scores), [3, 2])).item() == pytest.approx(2.5 * alone, rel=1e-12)


def test_what_does_not_count_has_no_weight() -> None:
    bce = BinaryCrossEntropy(BinaryCrossEntropyConfig())
    scores = batch(double(POINT), [1, 0, 0], [0.0, INF, 0.0])
    found = bce(double(POINT), weighted(scores, [2, 5, 1]))
    assert found.item() == pytest.approx((2 * POINT_BCE[0] + POINT_BCE[2]) / 2, rel=1e-12)
