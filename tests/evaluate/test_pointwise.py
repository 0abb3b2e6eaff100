from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from rexp.api import Capability
from rexp.errors import ConfigError, RunError
from rexp.evaluate.config import EvaluateConfig
from rexp.evaluate.evaluator import evaluate
from rexp.evaluate.scoring import BYTES_A_PAIR

from .helpers import FixedScores, fixed, make_split

TABLE = [[0.0, 2.0, -1.0], [1.0, 1.0, 0.5]]


def split(ratings):
    return make_split(
        [(0, 0)], [(0, 1), (0, 2), (1, 0), (1, 1)], n_users=2, n_items=3, ratings=ratings, protocol="pointwise"
    )


def rules(**options) -> EvaluateConfig:
    return EvaluateConfig(**({"row_metrics": ["auc", "gauc", "logloss", "rmse", "mae", "accuracy", "f1"]} | options))


def test_labels_are_ratings_from_the_threshold_on():
    found = evaluate(fixed(TABLE), split([5, 1, 4, 3]), rules(threshold=4))
    # scores 2, -1, 1, 1 with labels 1, 0, 1, 0
    assert found.metrics["auc"] == pytest.approx((1 + 1 + 1 + 0.5) / 4)
    assert found.metrics["gauc"] == pytest.approx((1 + 0.5) / 2)
    assert found.metrics["rmse"] == pytest.approx(math.sqrt((9 + 4 + 9 + 4) / 4))
    assert found.metrics["mae"] == pytest.approx((3 + 2 + 3 + 2) / 4)
    assert found.metrics["accuracy"] == 0.75
    facts = found.facts
    assert (facts["n_rows"], facts["n_positive_rows"], facts["n_users_with_both_labels"]) == (4, 2, 2)
    assert found.per_user["n_rows"].tolist() == [2, 2]


def test_clipped_scores_are_within_the_training_ratings():
    # All training ratings are 1, so that every score is read as 1; metrics of labels read them as they are.
    rows = split([5, 1, 4, 3])
    rows = replace(rows, train=replace(rows.train, ratings=np.ones(len(rows.train), np.float32)))
    plain, clipped = (evaluate(fixed(TABLE), rows, rules(threshold=4, clip=clip)) for clip in (False, True))
    assert clipped.metrics["rmse"] == pytest.approx(math.sqrt((16 + 0 + 9 + 4) / 4))
    assert clipped.metrics["auc"] == plain.metrics["auc"]
    assert clipped.facts["protocol_id"] != plain.facts["protocol_id"]


def test_ratings_of_0_and_1_are_labels():
    assert evaluate(fixed(TABLE), split([1, 0, 1, 0]), rules()).metrics["auc"] == pytest.approx(3.5 / 4)


def test_other_ratings_need_a_threshold_only_for_metrics_of_labels():
    with pytest.raises(ConfigError, match=r"evaluate\.threshold is not set and ratings run from 1 to 5"):
        evaluate(fixed(TABLE), split([5, 1, 4, 3]), rules())
    assert set(evaluate(fixed(TABLE), split([5, 1, 4, 3]), rules(row_metrics=["rmse"])).metrics) == {"rmse"}


def test_blocks_change_nothing():
    whole = evaluate(fixed(TABLE), split([5, 1, 4, 3]), rules(threshold=4))
    assert evaluate(fixed(TABLE), split([5, 1, 4, 3]), rules(threshold=4, block_bytes=1)).metrics == whole.metrics


def test_two_rows_of_one_pair_are_a_tie_in_any_block():
    """Rounding that depends on the block, as on some processors, must not put one row of a pair above the other."""

    class Rounding(FixedScores):
        def score(self, query, items):
            place = torch.arange(len(items), dtype=torch.float32)
            return super().score(query, items) + 1e-6 * (1 + place) * len(items)

    rows = [(0, 1)] * 4 + [(1, 1)] * 2
    twice = make_split([(0, 0)], rows, n_users=2, n_items=3, ratings=[1, 0, 0, 1, 0, 1], protocol="pointwise")
    for block_bytes in (1, 3 * BYTES_A_PAIR, 2**20):
        found = evaluate(Rounding(TABLE, Capability.SCORES_ALL_ITEMS), twice, rules(block_bytes=block_bytes))
        assert found.metrics["gauc"] == 0.5
        assert found.metrics["auc"] == 0.5


def test_refusals():
    with pytest.raises(ConfigError, match="has no ratings to take labels from"):
        evaluate(fixed(TABLE), split(None), rules())
    with pytest.raises(RunError, match="NaN"):
        evaluate(fixed(np.full((2, 3), np.nan)), split([1, 0, 1, 0]), rules())
    with pytest.raises(ConfigError, match="metric of ranked lists"):
        evaluate(fixed(TABLE), split([1, 0, 1, 0]), rules(row_metrics=["ndcg"]))


def test_a_metrics_own_options():
    found = evaluate(fixed(TABLE), split([1, 0, 1, 0]), rules(row_metrics=["f1"], options={"f1": {"threshold": 0.8}}))
    assert found.metrics["f1"] == pytest.approx(2 / 3)  # only the score of 2 is decided positive
    found = evaluate(fixed(TABLE), split([1, 0, 1, 0]), rules(row_metrics=["precision", "recall"]))
    assert found.metrics == {"precision": pytest.approx(2 / 3), "recall": 1}  # of decisions, not of lists
    with pytest.raises(ConfigError, match=r"evaluate\.options\.f1\.treshold"):
        evaluate(fixed(TABLE), split([1, 0, 1, 0]), rules(row_metrics=["f1"], options={"f1": {"treshold": 0.8}}))
