from __future__ import annotations

import math

import pytest
import torch

from rexp.api import TopKLists
from rexp.metrics.beyond_accuracy import Coverage, Gini, Novelty
from rexp.metrics.options import NoOptions
from tests.evaluate.helpers import context


def gini_of_pairs(counts):
    """The textbook form: mean absolute difference over twice the mean."""
    n = len(counts)
    return sum(abs(a - b) for a in counts for b in counts) / (2 * n * sum(counts))


def test_coverage_is_a_share_of_the_catalogue_not_of_the_vocabulary():
    popularity = [3, 1, 2, 0, 0]
    coverage = Coverage(NoOptions(), context(5, popularity))
    assert coverage.value(torch.tensor([4, 0, 1, 0, 0])) == pytest.approx(2 / 3)


@pytest.mark.parametrize("counts", [[1, 1, 1, 1], [0, 0, 0, 9], [0, 3, 1, 7], [5, 0, 0, 5]])
def test_gini_counts_zeros_and_is_divided_by_n(counts):
    gini = Gini(NoOptions(), context(4))
    assert gini.value(torch.tensor(counts)) == pytest.approx(gini_of_pairs(counts), abs=1e-12)


def test_gini_leaves_out_what_is_not_in_the_catalogue():
    gini = Gini(NoOptions(), context(3, [1, 1, 0]))
    assert gini.value(torch.tensor([2, 2, 0])) == 0


def test_novelty_is_the_mean_information_of_a_list():
    novelty = Novelty(NoOptions(), context(3, [3, 0, 1], n_users=3))
    lists = TopKLists(
        torch.tensor([0, 1]), torch.tensor([[0, 1], [2, -1]]), torch.zeros(2, 2).bool(), torch.tensor([1, 1])
    )
    values = novelty.per_user(lists, 2).tolist()
    assert values == pytest.approx([(-math.log2(4 / 4) - math.log2(1 / 4)) / 2, -math.log2(2 / 4)])
    assert novelty.per_user(lists, 1).tolist() == pytest.approx([0.0, 1.0])


def test_novelty_of_an_empty_list_is_undefined():
    empty = TopKLists(torch.tensor([0]), torch.tensor([[-1, -1]]), torch.zeros(1, 2).bool(), torch.tensor([1]))
    assert Novelty(NoOptions(), context(3)).per_user(empty, 2).isnan().all()
