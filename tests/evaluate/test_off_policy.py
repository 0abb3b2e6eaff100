"""Errors over all pairs, from rows that were observed with known probabilities: missing not at random, planted."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from rexp.errors import ConfigError
from rexp.evaluate.config import EvaluateConfig
from rexp.evaluate.evaluator import evaluate

from .helpers import fixed, interactions, make_split

N_USERS, N_ITEMS = 300, 100
OBSERVED = np.array([0.02, 0.04, 0.1, 0.3, 0.6])
"""Chance that a pair is observed, by its rating from 1 to 5: who likes an item rates it."""


def planted(seed=0):
    """A model's scores and all ratings as tables, and a split of the pairs that were observed, halved at random."""
    rng = np.random.default_rng(seed)
    ratings = rng.choice(5, (N_USERS, N_ITEMS), p=[0.3, 0.25, 0.2, 0.15, 0.1])
    scores = 3.2 + 0.3 * ratings + rng.normal(0, 0.3, ratings.shape)  # high ratings are predicted well
    chances = OBSERVED[ratings]
    users, items = np.nonzero(rng.random(ratings.shape) < chances)
    half = rng.random(len(users)) < 0.5

    def part(chosen):
        pairs = list(zip(users[chosen].tolist(), items[chosen].tolist(), strict=True))
        rows = interactions(pairs, [float(ratings[pair] + 1) for pair in pairs])
        return replace(rows, propensities=chances[rows.users, rows.items].astype(np.float32))

    split = make_split([(0, 0)], [(0, 0)], n_users=N_USERS, n_items=N_ITEMS, protocol="pointwise")
    return scores, ratings + 1.0, replace(split, train=part(half), test=part(~half))


def rules(*metrics, **options) -> EvaluateConfig:
    return EvaluateConfig(protocol="pointwise", row_metrics=list(metrics), **options)


def test_the_plain_mean_is_biased_and_propensities_mend_it():
    estimates = []
    for seed in range(12):
        scores, ratings, split = planted(seed)
        truth = np.square(scores - ratings).mean()
        found = evaluate(fixed(scores), split, rules("mse", "ips", "snips")).metrics
        estimates.append([found[name] / truth for name in ("mse", "ips", "snips")])
    naive, ips, snips = np.mean(estimates, axis=0)
    assert naive < 0.5  # high ratings are what is seen
    assert ips == pytest.approx(1, abs=0.06)
    assert snips == pytest.approx(1, abs=0.06)


def test_log_loss_and_absolute_errors_too():
    scores, ratings, split = planted(3)
    found = evaluate(
        fixed(scores - 3),
        split,
        rules(
            "logloss",
            "snips_logloss",
            "ips_logloss",
            "mae",
            "snips",
            threshold=4,
            options={"snips": {"error": "absolute"}},
        ),
    ).metrics
    positive = ratings >= 4
    truth = np.log1p(np.exp(-np.where(positive, 1, -1) * (scores - 3))).mean()
    assert found["snips_logloss"] == pytest.approx(truth, rel=0.1)
    assert found["ips_logloss"] == pytest.approx(truth, rel=0.1)
    assert abs(found["logloss"] / truth - 1) > 0.15
    truth = np.abs(scores - 3 - ratings).mean()
    assert found["snips"] == pytest.approx(truth, rel=0.1)
    assert abs(found["mae"] / truth - 1) > 0.15


def by_hand(**options):
    split = make_split([(0, 0), (1, 1)], [(0, 1), (1, 0)], n_users=2, n_items=2, ratings=[4, 1], protocol="pointwise")
    propensities = np.array([0.5, 0.25], np.float32)
    split = replace(split, test=replace(split.test, propensities=propensities))
    return evaluate(fixed([[0.0, 3.0], [3.0, 0.0]]), split, rules("ips", "snips", options=options)).metrics


def test_values_by_hand():
    # Errors 1 and 4, weights 2 and 4; the test part has 2 of 4 rows, so that it stands for 2 of the 4 pairs.
    assert by_hand() == {"ips": pytest.approx((2 + 16) / 2), "snips": pytest.approx((2 + 16) / 6)}
    assert by_hand(ips={"pairs": 9})["ips"] == pytest.approx(2)
    assert by_hand(ips={"error": "absolute"})["ips"] == pytest.approx((2 + 8) / 2)
    assert math.isclose(by_hand(snips={"error": "absolute"})["snips"], (2 + 8) / 6)


def test_data_without_propensities_are_refused():
    split = make_split([(0, 0)], [(0, 1)], n_users=1, n_items=2, ratings=[4], protocol="pointwise")
    with pytest.raises(ConfigError, match="row_metrics has snips, and the test rows of 'toy' have no propensities"):
        evaluate(fixed([[0.0, 3.0]]), split, rules("mse", "snips"))
    with pytest.raises(ConfigError, match="pairs=0 must be 1 or more"):
        by_hand(ips={"pairs": 0})
