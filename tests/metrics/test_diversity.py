from __future__ import annotations

import math

import pytest
import torch

from rexp.api import TopKLists
from rexp.errors import ConfigError
from rexp.metrics.diversity import IntraListDistance
from rexp.metrics.options import NoOptions
from tests.evaluate.helpers import context


def lists(items):
    items = torch.tensor(items)
    return TopKLists(
        torch.arange(len(items)), items, torch.zeros_like(items, dtype=torch.bool), torch.ones(len(items)).long()
    )


def test_mean_cosine_distance_of_the_pairs():
    features = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0], [0.0, 0.0]])
    ild = IntraListDistance(NoOptions(), context(4, features=features))
    diagonal = 1 - math.sqrt(0.5)
    values = ild.per_user(lists([[0, 1, 2], [0, 2, -1], [0, 3, -1]]), 3).tolist()
    assert values == pytest.approx([(1 + 2 * diagonal) / 3, diagonal, 1.0])


def test_lists_under_two_items_are_undefined():
    ild = IntraListDistance(NoOptions(), context(2, features=torch.eye(2)))
    values = ild.per_user(lists([[1, -1], [-1, -1], [0, 1]]), 2)
    assert values.isnan().tolist() == [True, True, False]
    assert ild.per_user(lists([[0, 1]]), 1).isnan().all()


def test_without_features_it_says_what_to_set():
    with pytest.raises(ConfigError, match=r"evaluate\.item_features"):
        IntraListDistance(NoOptions(), context(2))
