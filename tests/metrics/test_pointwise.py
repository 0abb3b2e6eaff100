from __future__ import annotations

import math

import pytest
import torch

from rexp.api import ScoredRows
from rexp.metrics._ranks import mean_ranks
from rexp.plugins import registry
from tests.evaluate.helpers import context


def value(name, scores, labels, users=None, **options):
    cls = registry.load("metric", name)
    users = torch.zeros(len(scores)).long() if users is None else torch.tensor(users)
    rows = ScoredRows(users, torch.arange(len(scores)), torch.tensor(scores), torch.tensor(labels))
    return cls(cls.Config(**options), context()).value(rows)


def auc_of_pairs(scores, labels):
    """Every positive against every negative, a tie for one half."""
    pairs = [(p, n) for p, a in zip(scores, labels, strict=True) for n, b in zip(scores, labels, strict=True) if a > b]
    return sum(1.0 if p > n else 0.5 if p == n else 0.0 for p, n in pairs) / len(pairs)


def test_auc_counts_pairs_with_ties_for_one_half():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randint(0, 6, (80,), generator=generator).float().tolist()
    labels = (torch.rand(80, generator=generator) < 0.4).float().tolist()
    assert value("auc", scores, labels) == pytest.approx(auc_of_pairs(scores, labels), abs=1e-12)
    assert value("auc", [1.0, 1.0, 1.0], [1.0, 0.0, 0.0]) == 0.5


def test_auc_of_one_label_is_undefined():
    assert math.isnan(value("auc", [1.0, 2.0], [1.0, 1.0]))
    assert math.isnan(value("gauc", [1.0, 2.0], [1.0, 0.0], [0, 1]))


def test_gauc_is_the_plain_mean_over_users_with_both_labels():
    # user 5: one of two pairs right; user 2: a tie; user 9: positives only, left out
    scores = [0.3, 0.9, 0.5, 7.0, 7.0, 4.0]
    labels = [0.0, 0.0, 1.0, 1.0, 0.0, 1.0]
    assert value("gauc", scores, labels, [5, 5, 5, 2, 2, 9]) == pytest.approx((0.5 + 0.5) / 2)
    assert value("gauc", [0.9, 0.1, 0.3, 0.2, 0.1], [1.0, 0.0, 0.0, 1.0, 0.0], [1, 1, 1, 0, 0]) == 1


def test_logloss_reads_scores_as_logits_and_clamps():
    expected = -(math.log(1 / (1 + math.exp(-2))) + math.log(1 - 1 / (1 + math.exp(1)))) / 2
    assert value("logloss", [2.0, -1.0], [1.0, 0.0]) == pytest.approx(expected, rel=1e-6)
    assert value("logloss", [100.0], [0.0]) == pytest.approx(-math.log(1e-7), rel=1e-6)


def test_errors_are_on_the_scale_of_the_ratings():
    assert value("rmse", [3.0, 4.0], [5.0, 4.0]) == pytest.approx(math.sqrt(2))
    assert value("mae", [3.0, 4.0], [5.0, 4.0]) == pytest.approx(1)


def test_decisions_at_a_threshold():
    scores, labels = [2.0, 0.5, -0.5, -2.0], [1.0, 0.0, 1.0, 0.0]
    assert value("accuracy", scores, labels) == 0.5
    assert value("f1", scores, labels) == pytest.approx(2 * 1 / (2 * 1 + 1 + 1))
    assert value("f1", scores, labels, threshold=0.3) == pytest.approx(2 * 2 / (2 * 2 + 1))
    assert value("f1", [-1.0, -1.0], [0.0, 0.0]) == 0


def test_mean_ranks_within_groups():
    scores = torch.tensor([3.0, 1.0, 3.0, 3.0, 5.0, 5.0])
    assert mean_ranks(scores, torch.tensor([4, 4, 4, 4, 1, 1])).tolist() == [3, 1, 3, 3, 1.5, 1.5]
