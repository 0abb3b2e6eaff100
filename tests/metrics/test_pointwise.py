from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import sklearn.calibration
import sklearn.metrics
import torch

from rexp.api import ScoredRows
from rexp.evaluate.build_metrics import row_metric
from rexp.metrics._ranks import mean_ranks
from rexp.metrics._reliability import reliability
from tests.evaluate.helpers import context


def value(name, scores, labels, users=None, **options):
    cls = row_metric(name)
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


def test_gauc_by_impressions_weighs_users_by_their_rows():
    # user 1 has 3 rows and an AUC of 1/2, user 0 has 2 and 1; user 9, of one label, counts nowhere
    scores, labels = [0.9, 0.5, 0.3, 0.2, 0.1, 4.0], [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]
    users = [1, 1, 1, 0, 0, 9]
    assert value("gauc", scores, labels, users, weights="impressions") == pytest.approx((3 * 0.5 + 2 * 1) / 5)
    assert math.isnan(value("gauc", [1.0, 2.0], [1.0, 0.0], [0, 1], weights="impressions"))


def test_logloss_reads_scores_as_logits_and_clamps():
    expected = -(math.log(1 / (1 + math.exp(-2))) + math.log(1 - 1 / (1 + math.exp(1)))) / 2
    assert value("logloss", [2.0, -1.0], [1.0, 0.0]) == pytest.approx(expected, rel=1e-6)
    assert value("logloss", [100.0], [0.0]) == pytest.approx(-math.log(1e-7), rel=1e-6)


def test_errors_are_on_the_scale_of_the_ratings():
    assert value("rmse", [3.0, 4.0], [5.0, 4.0]) == pytest.approx(math.sqrt(2))
    assert value("mse", [3.0, 4.0], [5.0, 4.0]) == pytest.approx(2)
    assert value("mae", [3.0, 4.0], [5.0, 4.0]) == pytest.approx(1)


def test_decisions_at_a_threshold():
    scores, labels = [2.0, 0.5, -0.5, -2.0], [1.0, 0.0, 1.0, 0.0]
    assert value("accuracy", scores, labels) == 0.5
    assert value("f1", scores, labels) == pytest.approx(2 * 1 / (2 * 1 + 1 + 1))
    assert value("f1", scores, labels, threshold=0.3) == pytest.approx(2 * 2 / (2 * 2 + 1))
    assert value("f1", [-1.0, -1.0], [0.0, 0.0]) == 0
    assert value("precision", scores, labels, threshold=0.3) == pytest.approx(2 / 3)
    assert value("recall", scores, labels, threshold=0.3) == 1
    assert value("balanced_accuracy", scores, labels, threshold=0.3) == pytest.approx((1 + 1 / 2) / 2)


def test_decisions_where_a_label_or_a_decision_is_missing():
    assert value("precision", [-1.0, -1.0], [1.0, 0.0]) == 0
    assert math.isnan(value("recall", [1.0, -1.0], [0.0, 0.0]))
    assert math.isnan(value("balanced_accuracy", [1.0, -1.0], [1.0, 1.0]))


def test_a_threshold_of_the_protocol_comes_before_the_metrics_own():
    f1 = row_metric("f1")
    rows = ScoredRows(*(torch.zeros(4).long() for _ in range(2)), torch.tensor([2.0, 0.5, -0.5, -2.0]), torch.ones(4))
    metric = f1(f1.Config(threshold=0.99), context())
    assert metric.value(rows) == 0
    assert metric.value(replace(rows, threshold=0.5)) == pytest.approx(2 * 2 / (2 * 2 + 2))


def test_average_precision_decides_equal_scores_together():
    # thresholds 3: 1 of 1; 2: 2 of 3; 1: 3 of 5
    scores, labels = [3.0, 2.0, 2.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0, 1.0]
    assert value("pr_auc", scores, labels) == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)
    assert math.isnan(value("pr_auc", [1.0, 2.0], [0.0, 0.0]))


def test_relative_information_gain():
    share = math.log(0.25 / 0.75)  # the logit of the share of positives says nothing more than the share
    labels = [1.0, 0.0, 0.0, 0.0]
    assert value("rig", [share] * 4, labels) == pytest.approx(0, abs=1e-7)
    assert value("rig", [40.0, -40.0, -40.0, -40.0], labels) == pytest.approx(1, abs=1e-6)
    entropy = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert value("rig", [0.0] * 4, labels) == pytest.approx(1 - math.log(2) / entropy)
    assert math.isnan(value("rig", [1.0, 2.0], [1.0, 1.0]))


def logits(probabilities):
    return torch.tensor(probabilities, dtype=torch.float64).logit().tolist()


def test_calibration_error_by_hand():
    scores, labels = logits([0.1, 0.2, 0.6, 0.9]), [0.0, 1.0, 1.0, 1.0]
    # (0, .5]: mean .15 beside 1/2; (.5, 1]: mean .75 beside 1
    assert value("ece", scores, labels, bins=2) == pytest.approx(0.5 * 0.35 + 0.5 * 0.25)
    # by mass the edge is the median, .4: the same bins; in four bins each row is alone
    assert value("ece", scores, labels, bins=2, binning="mass") == pytest.approx(0.5 * 0.35 + 0.5 * 0.25)
    assert value("ece", scores, labels, bins=4, binning="mass") == pytest.approx((0.1 + 0.8 + 0.4 + 0.1) / 4)


def test_equal_probabilities_are_in_one_bin_of_equal_mass():
    assert value("ece", [0.0] * 6, [1.0, 1.0, 1.0, 0.0, 0.0, 0.0], bins=3, binning="mass") == 0


def made_rows(n=500):
    rng = np.random.default_rng(0)
    # scores in steps, so that there are ties
    scores = np.round(rng.normal(size=n), 1).astype(np.float32)
    labels = (rng.random(n) < 1 / (1 + np.exp(-2 * scores))).astype(np.float32)
    return scores, labels


def test_metrics_are_those_of_scikit_learn():
    scores, labels = made_rows()
    q = 1 / (1 + np.exp(-scores.astype(np.float64)))
    own = {name: value(name, scores.tolist(), labels.tolist()) for name in ("auc", "pr_auc", "logloss", "mse")}
    assert own["auc"] == pytest.approx(sklearn.metrics.roc_auc_score(labels, scores), abs=1e-12)
    assert own["pr_auc"] == pytest.approx(sklearn.metrics.average_precision_score(labels, scores), abs=1e-12)
    assert own["logloss"] == pytest.approx(sklearn.metrics.log_loss(labels, q), abs=1e-9)
    assert own["mse"] == pytest.approx(sklearn.metrics.mean_squared_error(labels, scores), rel=1e-6)
    for threshold in (0.2, 0.5, 0.81):
        decided = q >= threshold
        for name, theirs in (
            ("f1", sklearn.metrics.f1_score),
            ("precision", sklearn.metrics.precision_score),
            ("recall", sklearn.metrics.recall_score),
            ("balanced_accuracy", sklearn.metrics.balanced_accuracy_score),
            ("accuracy", sklearn.metrics.accuracy_score),
        ):
            found = value(name, scores.tolist(), labels.tolist(), threshold=threshold)
            assert found == pytest.approx(theirs(labels, decided), abs=1e-12)


@pytest.mark.parametrize(("binning", "strategy"), [("width", "uniform"), ("mass", "quantile")])
def test_reliability_is_that_of_scikit_learn(binning, strategy):
    q, labels = np.random.default_rng(1).random(300), np.random.default_rng(2).random(300) < 0.4
    found = reliability(torch.tensor(q), torch.tensor(labels), 10, binning)
    observed, predicted = sklearn.calibration.calibration_curve(labels, q, n_bins=10, strategy=strategy)
    assert found.observed.tolist() == pytest.approx(observed.tolist())
    assert found.predicted.tolist() == pytest.approx(predicted.tolist())
    assert found.rows.sum() == 300


def test_mean_ranks_within_groups():
    scores = torch.tensor([3.0, 1.0, 3.0, 3.0, 5.0, 5.0])
    assert mean_ranks(scores, torch.tensor([4, 4, 4, 4, 1, 1])).tolist() == [3, 1, 3, 3, 1.5, 1.5]
