"""The metric against values computed by hand."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch
from rexp_starter.rbp import RBP, RBPConfig

from rexp.api import MetricContext, Ties, TopKLists

CONTEXT = MetricContext(1, torch.arange(4), torch.ones(4, dtype=torch.int64))


def lists(hits: list[list[int]]) -> TopKLists:
    found = torch.tensor(hits, dtype=torch.bool)
    items = torch.arange(found.shape[1]).expand(found.shape)
    return TopKLists(torch.arange(len(found)), items, found, found.sum(1).clamp(min=1))


def test_values_by_hand() -> None:
    metric = RBP(RBPConfig(0.5), CONTEXT)
    block = lists([[1, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]])
    # 0.5 * (1 + 0.25), 0.5 * 0.125, 0; cut at 2: 0.5 * 1, 0, 0.
    assert metric.per_user(block, 4).tolist() == [0.625, 0.0625, 0.0]
    assert metric.per_user(block, 2).tolist() == [0.5, 0.0, 0.0]
    assert metric.per_user(block, 4).dtype == torch.float64


def test_without_persistence_it_is_a_hit_at_the_first_place() -> None:
    metric = RBP(RBPConfig(0.0), CONTEXT)
    assert metric.per_user(lists([[1, 1, 0, 0], [0, 1, 1, 1]]), 4).tolist() == [1.0, 0.0]


def test_expected_is_the_mean_over_all_orders_of_equal_scores() -> None:
    metric = RBP(RBPConfig(0.8), CONTEXT)
    # The first item has a score of its own and is a hit; the next three are equal, and one of them is a hit.
    orders = [[1, *order] for order in permutations([1, 0, 0])]
    mean = metric.per_user(lists(orders), 3).mean().item()
    ties = Ties(torch.tensor([[0, 1, 1]]), torch.tensor([[1, 3, 3]]), torch.tensor([[1, 1, 1]]))
    assert metric.expected(lists([[1, 1, 0]]), ties, 3).item() == pytest.approx(mean)
