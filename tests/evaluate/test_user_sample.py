"""A sample of the users: who is drawn, what is measured on them, and what it says of all."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from rexp.errors import ConfigError
from rexp.evaluate import progress
from rexp.evaluate.config import CandidatesConfig, EvaluateConfig
from rexp.evaluate.evaluator import evaluate
from rexp.evaluate.protocol import identity
from rexp.evaluate.protocols.sampled_candidates import SampledNegatives
from rexp.evaluate.user_items import UserItems
from rexp.evaluate.user_sample import draw_users, intervals, told

from .helpers import fixed, make_split, random_split

TABLE = np.random.default_rng(0).normal(size=(30, 40)).astype(np.float32)


def rules(**options) -> EvaluateConfig:
    return EvaluateConfig(**({"protocol": "full", "metrics": ["ndcg", "recall", "coverage"], "k": [3]} | options))


def test_a_sample_has_its_users_and_their_values():
    split = random_split()
    whole, part = (evaluate(fixed(TABLE), split, rules(users=users)) for users in (None, 8))
    chosen = np.isin(whole.per_user["user"], part.per_user["user"])
    assert chosen.sum() == len(part.per_user["user"]) == 8
    for name in ("ndcg@3", "recall@3"):
        assert part.per_user[name].tolist() == whole.per_user[name][chosen].tolist()
        assert part.metrics[name] == pytest.approx(whole.per_user[name][chosen].mean(), rel=1e-12)
    targets = sum(int((split.test.users == user).sum()) for user in part.per_user["user"])
    assert part.facts["n_targets"] + part.facts["n_duplicate_targets"] == targets
    assert (part.facts["n_users_evaluated"], part.facts["n_users_drawn_from"]) == (8, len(chosen))
    assert part.facts["n_users_dropped"] == whole.facts["n_users_dropped"]
    assert part.facts["protocol_id"] != whole.facts["protocol_id"]


def test_a_sample_of_all_measures_what_all_do_and_leaves_nothing_to_chance():
    split = random_split()
    whole, part = (evaluate(fixed(TABLE), split, rules(users=users)) for users in (None, 1000))
    assert part.metrics == whole.metrics
    for name, (low, high) in part.facts["interval_95"].items():
        assert low == high == pytest.approx(whole.metrics[name])


def test_the_draw_follows_from_seed_and_user_alone():
    users = torch.arange(0, 4000, 2)
    some = draw_users(users, 100, 7)
    assert some.tolist() == sorted(set(some.tolist()))
    assert set(some.tolist()) <= set(draw_users(users, 300, 7).tolist()) <= set(users.tolist())
    assert draw_users(users.flip(0), 100, 7).tolist() == some.tolist()
    assert draw_users(users, 100, 8).tolist() != some.tolist()
    # Of 2000 users every tenth is drawn, wherever it stands: 50 of each half, more or less five.
    assert 35 <= int((draw_users(users, 100, 7) < 2000).sum()) <= 65


def test_the_interval_by_hand():
    values = np.array([0.0, 1.0, 1.0, 0.0, np.nan])
    error = 1.959964 * math.sqrt(1 / 3) * math.sqrt((1 - 5 / 20) / 4)  # the variance of 0, 1, 1, 0 is 1/3
    (low, high), lone = intervals({"hr@1": values}, 20)["hr@1"], intervals({"hr@1": values[:1]}, 20)
    assert (low, high) == (pytest.approx(0.5 - error), pytest.approx(0.5 + error))
    assert lone == {}
    facts = {"interval_95": {"hr@1": [low, high]}, "n_users_evaluated": 5, "n_users_drawn_from": 20}
    assert list(told(facts)) == [f"5 of 20 users drawn; 95 % intervals: hr@1 {low:.4f} to {high:.4f}"]
    assert list(told({})) == []


def test_the_interval_covers_the_mean_of_all_as_often_as_it_says():
    values = np.random.default_rng(0).random(400) ** 3
    hits = 0
    for seed in range(400):
        drawn = draw_users(torch.arange(400), 60, seed).numpy()
        low, high = intervals({"x": values[drawn]}, 400)["x"]
        hits += low <= values.mean() <= high
    assert 0.91 <= hits / 400 <= 0.98


def test_what_is_drawn_is_part_of_the_protocol_alone_where_it_is_asked_for():
    assert "users" not in identity("full", rules(), "test")
    drawn = identity("full", rules(users=5, users_seed=2), "test")
    assert (drawn["users"], drawn["users_seed"]) == (5, 2)


def test_what_no_sample_is_drawn_of_is_refused():
    rated = make_split([(0, 0), (1, 1)], [(0, 1), (1, 0)], n_users=2, n_items=2, ratings=[1, 0])
    with pytest.raises(ConfigError, match=r"evaluate\.users"):
        evaluate(fixed(TABLE), rated, EvaluateConfig(protocol="pointwise", row_metrics=["auc"], users=1))
    with pytest.raises(ConfigError, match=r"evaluate\.users is 0"):
        evaluate(fixed(TABLE), random_split(), rules(users=0))


def test_a_long_ranking_says_how_far_it_is(monkeypatch, caplog):
    clock = iter([0.0, 5.0, 25.0, 26.0, 50.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    shown = progress.RankingProgress(1000)
    with caplog.at_level("INFO"):
        for done in (100, 500, 520, 1000):
            shown.ranked(done)
    assert [record.getMessage() for record in caplog.records] == ["ranked 500 of 1,000 lists  20 a second  0:25 left"]


def test_who_is_drawn_says_nothing_of_what_is_drawn_for_them():
    """Of the same seed too: a sample of users has as many of each negative as all users have."""
    users = torch.arange(20_000)
    split = make_split([(0, 0)], [(0, 1)], n_users=20_000, n_items=1000)
    nothing = UserItems(split, ["train"], torch.device("cpu"))
    for replaced in (False, True):
        draw = SampledNegatives(CandidatesConfig(n=99, replace=replaced, seed=0), torch.ones(1000).double(), [nothing])
        drawn = draw.of(draw_users(users, 1000, 0))
        # 99 are expected of item 0, and 4,950 of the first 50; 9.4 and 69 are the standard deviations.
        assert 60 <= int((drawn == 0).sum()) <= 140
        assert 4600 <= int((drawn < 50).sum()) <= 5300
