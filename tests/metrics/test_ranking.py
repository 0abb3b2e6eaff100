"""Each definition against the table of what different libraries give for the same lists, and against values by hand."""

from __future__ import annotations

import math

import pytest
import torch

from rexp.api import TopKLists
from rexp.plugins import registry
from tests.evaluate.helpers import context, lists_of, plain_metrics

GOLDEN = lists_of([[1, 0, 1, 0, 0], [0, 1, 0, 0, 1], [0, 0, 0, 0, 0]], [8, 2, 1])
"""a: 8 relevant, hits at 1 and 3. b: 2 relevant, hits at 2 and 5. c: 1 relevant, none."""


def metric(name):
    cls = registry.load("metric", name)
    return cls(cls.Config(), context())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("recall", 0.4167),  # LensKit's divides by min(k, rel): that is recall_capped
        ("recall_capped", 0.4667),
        ("ndcg", 0.3776),  # RecTools' default takes all k ranks as the ideal: 0.2846
        ("map", 0.2611),  # as RecBole; ranx divides by rel: that is ap_trec
        ("ap_trec", 0.2194),
        ("mrr", 0.5),
        ("precision", 0.2667),
        ("f1", (2 * 2 / 13 + 2 * 2 / 7 + 0) / 3),
        ("hr", 0.6667),
    ],
)
def test_golden_table(name, expected):
    assert metric(name).per_user(GOLDEN, 5).mean().item() == pytest.approx(expected, abs=5e-5)


def test_ndcg_by_hand():
    ideal_a = sum(1 / math.log2(r + 1) for r in range(1, 6))
    by_hand = [(1 + 1 / 2) / ideal_a, (1 / math.log2(3) + 1 / math.log2(6)) / (1 + 1 / math.log2(3)), 0]
    assert metric("ndcg").per_user(GOLDEN, 5).tolist() == pytest.approx(by_hand, abs=1e-12)


def test_a_cut_looks_at_nothing_beyond_it():
    assert metric("mrr").per_user(GOLDEN, 1).tolist() == [1, 0, 0]
    assert metric("precision").per_user(GOLDEN, 2).tolist() == [0.5, 0.5, 0]
    assert metric("map").per_user(GOLDEN, 3).tolist() == pytest.approx([(1 + 2 / 3) / 3, 0.25, 0])


def test_short_list_is_divided_by_k_and_has_the_ideal_of_k():
    short = TopKLists(torch.tensor([0]), torch.tensor([[4, -1]]), torch.tensor([[True, False]]), torch.tensor([3]))
    assert metric("precision").per_user(short, 5).item() == pytest.approx(1 / 5)
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert metric("ndcg").per_user(short, 5).item() == pytest.approx(1 / ideal)


@pytest.mark.parametrize("name", ["recall", "recall_capped", "ndcg", "map", "ap_trec", "mrr", "precision", "hr", "f1"])
def test_random_lists_equal_the_plain_definition(name):
    generator = torch.Generator().manual_seed(3)
    hits = torch.rand(200, 12, generator=generator) < 0.2
    n_relevant = hits.sum(1) + torch.randint(0, 9, (200,), generator=generator)
    hits[n_relevant == 0, 0] = True
    n_relevant = n_relevant.clamp(min=1)
    lists = lists_of(hits.tolist(), n_relevant.tolist())
    for k in (1, 5, 12):
        for user, value in enumerate(metric(name).per_user(lists, k).tolist()):
            relevant = set(hits[user].nonzero().squeeze(1).tolist())
            relevant |= {100 + extra for extra in range(int(n_relevant[user]) - len(relevant))}
            assert value == pytest.approx(plain_metrics(range(12), relevant, k)[name], abs=1e-12)


def test_values_are_float64():
    assert metric("ndcg").per_user(GOLDEN, 5).dtype == torch.float64
