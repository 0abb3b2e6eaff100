"""Metrics by the popularity of the targets, against sums by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rexp.evaluate.config import EvaluateConfig
from rexp.evaluate.evaluator import evaluate
from rexp.evaluate.popularity_buckets import BUCKETS

from .helpers import fixed, random_split


def test_each_bucket_is_measured_over_the_users_who_ask_for_it() -> None:
    split = random_split()
    scores = np.random.default_rng(0).normal(size=(30, 40))
    config = EvaluateConfig(metrics=["recall"], k=[5], mask=["train", "valid"], catalogue="all")
    found = evaluate(fixed(scores), split, config)
    facts = found.facts["by_popularity"]
    popularity = np.asarray(split.train_users_per_item)
    low, high = facts["most_users"]
    bucket = (popularity > low).astype(int) + (popularity > high)

    hits: dict[int, list[float]] = {0: [], 1: [], 2: []}
    for user in found.per_user["user"]:
        masked = np.concatenate([part.items[part.users == user] for part in (split.train, split.valid)])
        ranked = scores[user].copy()
        ranked[masked] = -np.inf
        best = set(np.argsort(-ranked)[:5].tolist())
        targets = set(split.test.items[split.test.users == user].tolist())
        for place in range(3):
            if asked := {item for item in targets if bucket[item] == place}:
                hits[place].append(len(asked & best) / len(asked))
    for place, name in enumerate(BUCKETS):
        assert facts[name]["n_users"] == len(hits[place]) > 0
        assert facts[name]["metrics"]["recall@5"] == pytest.approx(np.mean(hits[place]))
    assert sum(popularity[bucket == 0]) >= popularity.sum() / 3 > sum(popularity[bucket == 2]) > 0


def test_validation_takes_no_time_for_it() -> None:
    split = random_split()
    found = evaluate(fixed(np.zeros((30, 40))), split, EvaluateConfig(metrics=["recall"], k=[5]), part="valid")
    assert "by_popularity" not in found.facts
