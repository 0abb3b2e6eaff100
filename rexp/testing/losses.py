"""Checks of losses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from rexp.api import Batch, Layout, Query
from rexp.api.training import CONFIG, REDUCTION, TARGET, WEIGHTED
from rexp.testing.check import Check, NotApplicable, Subject, require
from rexp.testing.process import no_global_chance, settings_kept

B, N = 8, 3


def example(loss: Any, seed: int, b: int = B) -> tuple[Tensor, Batch]:
    """Scores in float64 and a batch as the loss wants it."""
    generator = torch.Generator().manual_seed(seed)
    layout = Layout(loss.layout)
    if layout not in (Layout.POINTWISE, Layout.PAIRWISE, Layout.LISTWISE):
        raise NotApplicable(f"the layout {layout} is none of scores by rows")
    shape = {Layout.POINTWISE: (b,), Layout.PAIRWISE: (b, 2), Layout.LISTWISE: (b, 1 + N)}[layout]
    items = torch.randint(20, shape, generator=generator)
    labels = None
    if layout is Layout.POINTWISE:
        labels = (torch.arange(b) % 2).float() if not _of_ratings(loss) else (1 + torch.arange(b) % 5).float()
    scores = torch.randn(shape, generator=generator, dtype=torch.float64)
    return scores, Batch(Query(torch.arange(b)), items, labels)


def _of_ratings(loss: Any) -> bool:
    return TARGET.of(CONFIG.of(loss)) == "rating"


def scalar(subject: Subject) -> None:
    loss = subject.make()
    for b in (B, 1):
        cost = loss(*example(loss, subject.seed, b))
        require(cost.shape == (), f"the loss of {b} rows has the shape {tuple(cost.shape)}, and is no scalar")
        require(bool(cost.isfinite()), f"the loss of {b} rows is {float(cost)}")


def gradient(subject: Subject) -> None:
    loss = subject.make()
    scores, batch = example(loss, subject.seed)
    scores.requires_grad_()
    cost = loss(scores, batch)
    require(cost.requires_grad, "no gradient goes through the loss")
    (slope,) = torch.autograd.grad(cost, scores)
    step = 1e-5
    numeric = torch.zeros_like(scores).flatten()
    for place in range(scores.numel()):
        moved = torch.zeros_like(numeric)
        moved[place] = step
        with torch.no_grad():
            up, down = (loss(scores + sign * moved.view(scores.shape), batch) for sign in (1, -1))
        numeric[place] = (up - down) / (2 * step)
    close = torch.allclose(slope.flatten(), numeric, rtol=1e-3, atol=1e-6)
    require(close, "the gradient is not the slope of the loss (central differences in float64)")


def large_scores(subject: Subject) -> None:
    loss = subject.make()
    scores, batch = example(loss, subject.seed)
    large = (1e4 * scores.float()).requires_grad_()
    cost = loss(large, batch)
    require(bool(cost.isfinite()), f"scores of 10,000 give the loss {float(cost.detach())}")
    (slope,) = torch.autograd.grad(cost, large)
    require(bool(slope.isfinite().all()), "scores of 10,000 give gradients that are not finite")


def reduction(subject: Subject) -> None:
    loss = subject.make()
    scores, batch = example(loss, subject.seed)
    halves = [
        loss(scores[rows], Batch(Query(batch.query.users[rows]), batch.items[rows], _rows(batch.labels, rows)))
        for rows in (slice(0, B // 2), slice(B // 2, B))
    ]
    stated = REDUCTION.of(CONFIG.of(loss))
    wanted = sum(halves) if stated == "sum" else sum(halves) / 2
    close = torch.allclose(loss(scores, batch), torch.as_tensor(wanted))
    require(close, f"the loss of a batch is not the {stated} of its rows' losses; state the reduction, or mend it")


def _rows(values: Tensor | None, rows: slice | Tensor) -> Tensor | None:
    return None if values is None else values[rows]


def order(subject: Subject) -> None:
    loss = subject.make()
    scores, batch = example(loss, subject.seed)
    rows = torch.arange(B).flip(0)
    turned = Batch(Query(batch.query.users[rows]), batch.items[rows], _rows(batch.labels, rows))
    require(torch.allclose(loss(scores, batch), loss(scores[rows], turned)), "rows in another order cost otherwise")


def prefers_positives(subject: Subject) -> None:
    loss = subject.make()
    scores, batch = example(loss, subject.seed)
    scores = scores.zero_().requires_grad_()
    if _of_ratings(loss):
        raise NotApplicable("a loss of ratings has no positives")
    (slope,) = torch.autograd.grad(loss(scores, batch), scores)
    positive = slope[batch.labels == 1] if batch.labels is not None else slope[:, 0]
    require(bool((positive <= 0).all()), "a higher score of a positive costs more, at scores of 0")


def marked(subject: Subject) -> None:
    loss = subject.make()
    scores, batch = example(loss, subject.seed)
    if scores.ndim == 1:
        raise NotApplicable("rows of one item have no negatives to leave out")
    log_q = torch.zeros(batch.items.shape, dtype=scores.dtype)
    log_q[:, -1] = torch.inf
    log_q[0, 1:] = torch.inf
    scores.requires_grad_()
    cost = loss(scores, Batch(batch.query, batch.items, batch.labels, log_q))
    require(bool(cost.isfinite()), f"where log_q marks all negatives of a row the loss is {float(cost.detach())}")
    (slope,) = torch.autograd.grad(cost, scores)
    require(bool((slope[log_q.isposinf()] == 0).all()), "what log_q marks by +inf still has a gradient")


def weighted(subject: Subject) -> None:
    loss = subject.make()
    if not WEIGHTED.of(loss):
        raise NotApplicable("the loss does not state that it counts rows by their weights")
    scores, batch = example(loss, subject.seed)
    scores.requires_grad_()
    plain = loss(scores, batch)
    for weight in (1.0, 2.0):
        cost = loss(scores, replace(batch, weights=torch.full((B,), weight, dtype=scores.dtype)))
        require(
            torch.allclose(cost, weight * plain), f"weights of {weight:g} do not make the loss {weight:g} times itself"
        )
    few = torch.ones(B, dtype=scores.dtype)
    few[0] = 0
    (slope,) = torch.autograd.grad(loss(scores, replace(batch, weights=few)), scores)
    require(bool((slope[0] == 0).all()), "a row of weight 0 still has a gradient")


def repeatable(subject: Subject) -> None:
    loss = subject.make()
    scores, batch = example(loss, subject.seed)
    kept = scores.clone()
    with no_global_chance("the loss"), settings_kept("the loss"):
        first = loss(scores, batch)
    require(torch.equal(first, loss(scores, batch)), "two calls give different losses")
    require(torch.equal(scores, kept), "the loss writes into the scores")


SCALAR, AGAIN = "loss.scalar", "loss.repeatable"
CHECKS = (
    Check(SCALAR, "The optimizer takes one number, of a last batch of one row too.", scalar),
    Check(AGAIN, "A run that is done again must give the same numbers.", repeatable, (SCALAR,)),
    Check("loss.gradient", "A detached or wrong gradient trains towards something else.", gradient, (AGAIN,)),
    Check("loss.large-scores", "Exponentials of scores overflow.", large_scores, (SCALAR,)),
    Check("loss.reduction", "Stages weigh their losses by the stated reduction.", reduction, (AGAIN,)),
    Check("loss.order", "Batches are shuffled.", order, (AGAIN,)),
    Check(
        "loss.prefers-positives", "A sign that is wrong teaches the opposite.", prefers_positives, ("loss.gradient",)
    ),
    Check("loss.weighted", "Rows that a user weighs must weigh so.", weighted, ("loss.gradient",)),
    Check("loss.marked", "log_q of +inf marks an item that must not count.", marked, ("loss.gradient",)),
)
