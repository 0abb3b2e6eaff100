"""Checks of metrics: of users' lists, of the catalog, and of labeled rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from rexp.api import MetricContext, ScoredRows, TopKLists
from rexp.api.metric import LABELS
from rexp.testing.check import Check, NotApplicable, Subject, require
from rexp.testing.process import no_global_chance

B, K, N_ITEMS = 12, 6, 20


def context() -> MetricContext:
    """A catalog of 19 of 20 items, with popularity and features."""
    taken = torch.arange(N_ITEMS).flip(0)
    return MetricContext(24, torch.arange(N_ITEMS - 1), taken, torch.eye(N_ITEMS, 5) + 0.1, n_pairs=200)


def lists(seed: int = 0) -> TopKLists:
    """Lists of distinct items, two of them short, with hits and more relevant items than hits."""
    generator = torch.Generator().manual_seed(seed)
    items = torch.stack([torch.randperm(N_ITEMS - 1, generator=generator)[:K] for _ in range(B)])
    items[0, 3:], items[1, 1:] = -1, -1
    hits = (torch.rand(B, K, generator=generator) < 0.4) & (items >= 0)
    return TopKLists(torch.arange(B), items, hits, hits.sum(1) + 1)


def rows(plugin: Any, seed: int = 0) -> ScoredRows:
    """Labeled rows of several users."""
    generator = torch.Generator().manual_seed(seed)
    n = 60
    rated = LABELS.of(plugin) == "rating"
    labels = torch.randint(1, 6, (n,), generator=generator) if rated else torch.arange(n) % 2
    scores = torch.randn(n, generator=generator) + (3 if rated else 0)
    propensities = 0.1 + 0.9 * torch.rand(n, generator=generator)
    return ScoredRows(torch.arange(n) % 7, torch.arange(n) % N_ITEMS, scores, labels.float(), propensities=propensities)


def of_kind(subject: Subject, kind: str) -> Any:
    if subject.plugin.kind != kind:
        raise NotApplicable(f"a metric of {subject.plugin.kind}")
    return subject.make(context())


def stated(subject: Subject) -> None:
    kind = subject.plugin.kind
    require(kind in ("users", "catalogue", "rows"), f"kind={kind!r} is none of users, catalogue, rows")
    require(isinstance(subject.plugin.higher_is_better, bool), "higher_is_better is neither True nor False")
    wanted = "per_user" if kind == "users" else "value"
    require(callable(getattr(subject.plugin, wanted, None)), f"a metric of {kind} has a method {wanted}")
    subject.make(context())


def per_user(subject: Subject) -> None:
    metric = of_kind(subject, "users")
    for k in (1, 3, K, K + 4):
        values = metric.per_user(lists(), k)
        fits = values.shape == (B,) and values.dtype == torch.float64
        require(fits, f"per_user at {k} gives {tuple(values.shape)} {values.dtype}, not ({B},) float64")
        require(not values.isinf().any(), f"per_user at {k} is infinite")


def users_apart(subject: Subject) -> None:
    metric, block = of_kind(subject, "users"), lists()
    values = metric.per_user(block, K)
    order = torch.arange(B).flip(0)
    require(_alike(metric.per_user(_of(block, order), K), values[order]), "users in another order get other values")
    halves = torch.cat([metric.per_user(_of(block, part), K) for part in (order[:5].sort()[0], order[5:].sort()[0])])
    require(_alike(halves, torch.cat([values[-5:], values[:-5]])), "a smaller block of users gives other values")


def _of(block: TopKLists, chosen: Tensor) -> TopKLists:
    return TopKLists(block.users[chosen], block.items[chosen], block.hits[chosen], block.n_relevant[chosen])


def cut(subject: Subject) -> None:
    metric, block = of_kind(subject, "users"), lists()
    shorter = TopKLists(block.users, block.items[:, :3], block.hits[:, :3], block.n_relevant)
    same = _alike(metric.per_user(block, 3), metric.per_user(shorter, 3))
    require(same, "at cut 3 the value depends on what stands behind the third place")


def ideal(subject: Subject) -> None:
    metric = of_kind(subject, "users")
    items = torch.arange(K).repeat(2, 1)
    hits = torch.tensor([[True] * K, [False] * K])
    best, worst = metric.per_user(TopKLists(torch.arange(2), items, hits, torch.full((2,), K)), K).tolist()
    if best == worst or best != best:
        raise NotApplicable("the metric does not read hits")
    good = best > worst if subject.plugin.higher_is_better else best < worst
    require(good, f"a list of hits alone has {best:.4g}, one without {worst:.4g}: higher_is_better is wrong")


def empty_lists(subject: Subject) -> None:
    metric = of_kind(subject, "users")
    nothing = TopKLists(
        torch.arange(2), torch.full((2, K), -1), torch.zeros(2, K, dtype=torch.bool), torch.ones(2).long()
    )
    values = metric.per_user(nothing, K)
    require(values.shape == (2,) and not values.isinf().any(), f"lists without items give {values.tolist()}")


def counts(subject: Subject) -> None:
    metric = of_kind(subject, "catalogue")
    for count in (torch.arange(N_ITEMS), torch.ones(N_ITEMS).long(), torch.zeros(N_ITEMS).long()):
        value = metric.value(count.clone())
        require(isinstance(value, float), f"value gives a {type(value).__name__}, not a float")
        require(abs(value) != float("inf"), "the value is infinite")


def rows_value(subject: Subject) -> None:
    metric = of_kind(subject, "rows")
    value = metric.value(rows(subject.plugin))
    require(isinstance(value, float), f"value gives a {type(value).__name__}, not a float")
    require(abs(value) < float("inf"), f"the value of 60 rows is {value}")


def rows_order(subject: Subject) -> None:
    metric, some = of_kind(subject, "rows"), rows(subject.plugin)
    order = torch.randperm(len(some.users), generator=torch.Generator().manual_seed(subject.seed))
    assert some.propensities is not None
    other = ScoredRows(
        some.users[order],
        some.items[order],
        some.scores[order],
        some.labels[order],
        propensities=some.propensities[order],
    )
    first, second = metric.value(some), metric.value(other)
    require(abs(first - second) <= 1e-6 * max(1, abs(first)), f"rows in another order give {second}, not {first}")


def rows_ideal(subject: Subject) -> None:
    metric, some = of_kind(subject, "rows"), rows(subject.plugin)
    good = some.labels if LABELS.of(subject.plugin) == "rating" else 8 * some.labels - 4
    bad = 6 - some.labels if LABELS.of(subject.plugin) == "rating" else 4 - 8 * some.labels
    values = [metric.value(replace(some, scores=scores)) for scores in (good, bad)]
    if values[0] == values[1]:
        raise NotApplicable("these options tell no rows apart")
    better = values[0] > values[1] if subject.plugin.higher_is_better else values[0] < values[1]
    require(better, f"scores like the labels have {values[0]:.4g}, the reverse {values[1]:.4g}: the direction is wrong")


def repeatable(subject: Subject) -> None:
    metric, kind = subject.make(context()), subject.plugin.kind
    with no_global_chance("the metric"):
        first, second = (_value(metric, kind, subject.plugin) for _ in range(2))
    require(_alike(first, second), "the same lists or rows give another value in a second call")


def inputs_kept(subject: Subject) -> None:
    metric, kind = subject.make(context()), subject.plugin.kind
    if kind == "users":
        block, fresh = lists(), lists()
        metric.per_user(block, K)
        kept = torch.equal(block.items, fresh.items) and torch.equal(block.hits, fresh.hits)
    elif kind == "rows":
        some, same = rows(subject.plugin), rows(subject.plugin)
        metric.value(some)
        kept = torch.equal(some.scores, same.scores) and torch.equal(some.labels, same.labels)
    else:
        count = torch.arange(N_ITEMS)
        metric.value(count)
        kept = torch.equal(count, torch.arange(N_ITEMS))
    require(kept, "the metric writes into what it is given, which others read after it")


def _value(metric: Any, kind: str, plugin: Any) -> Tensor:
    if kind == "users":
        values: Tensor = metric.per_user(lists(), K)
        return values
    return torch.tensor([metric.value(torch.arange(N_ITEMS) if kind == "catalogue" else rows(plugin))])


def _alike(first: Tensor, second: Tensor) -> bool:
    return torch.allclose(first.double(), second.double(), rtol=1e-9, atol=1e-12, equal_nan=True)


STATED, KEPT = "metric.stated", "metric.inputs-kept"
SHAPE, AGAIN, VALUE = "metric.per-user", "metric.repeatable", "metric.rows-value"
CHECKS = (
    Check(STATED, "Tables are sorted, and epochs chosen, by what is stated.", stated),
    Check(SHAPE, "Values are averaged, and compared user by user.", per_user, (STATED,)),
    Check("metric.counts", "Items that nobody was recommended are counts of 0.", counts, (STATED,)),
    Check(VALUE, "One number stands in the table.", rows_value, (STATED,)),
    Check(KEPT, "All metrics read the same lists.", inputs_kept, (SHAPE, "metric.counts", VALUE)),
    Check(AGAIN, "A stored run that is measured again must have the same numbers.", repeatable, (KEPT,)),
    Check("metric.users-apart", "Users come in blocks, of whatever size fits.", users_apart, (AGAIN,)),
    Check("metric.cut", "Lists are as long as the largest cut.", cut, (AGAIN,)),
    Check("metric.ideal", "The best epoch is chosen by the stated direction.", ideal, (AGAIN,)),
    Check("metric.empty-lists", "A user may have nothing left to recommend.", empty_lists, (SHAPE,)),
    Check("metric.rows-order", "Rows have no order.", rows_order, (AGAIN,)),
    Check("metric.rows-ideal", "The best epoch is chosen by the stated direction.", rows_ideal, (AGAIN,)),
)
