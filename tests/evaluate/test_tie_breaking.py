"""The mean over all orders of equal scores, against going through them one by one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rexp.errors import ConfigError
from rexp.evaluate.config import EvaluateConfig
from rexp.evaluate.evaluator import Evaluator, evaluate
from rexp.evaluate.tie_breaking import Orders, orders_of
from rexp.metrics.diversity import IntraListDistance
from rexp.metrics.ranking import HitRatio

from .helpers import fixed, make_split, plain_metrics
from .retrieval import embedding, retrieval

ACCURACY = ["recall", "recall_capped", "precision", "hr", "mrr", "ndcg", "map", "ap_trec"]
CUTS = [1, 2, 3, 5]
# Users 0 to 3 have targets and lack their training items; item 6 is cold, and others follow the training's popularity.
TRAIN = [(0, 0), (1, 1), (2, 0), (3, 2), (4, 0), (4, 1), (4, 2), (4, 3), (4, 4), (4, 5), (5, 0), (5, 1)]
TEST = [(0, 1), (0, 4), (0, 6), (1, 0), (2, 1), (2, 2), (2, 3), (3, 5)]
SPLIT = make_split(TRAIN, TEST, n_users=6, n_items=7)
TABLES = {
    "one group": np.zeros((6, 7)),
    "two levels": np.array([[0, 1, 0, 1, 0, 1, 0], [1, 0, 1, 0, 1, 0, 1]] * 3),
    "a group behind the first": np.array([[3, 2, 1, 1, 1, 1, 1], [1, 1, 2, 1, 1, 0, 5]] * 3),
    "none": np.array([[6, 5, 4, 3, 2, 1, 0], [0, 1, 2, 3, 4, 5, 6]] * 3),
    "random": np.random.default_rng(4).integers(0, 3, (6, 7)),
}


def by_going_through(table, k, *, catalogue=range(6), counted=lambda item: True, candidates=None):
    """user -> metric -> the mean over every order of the user's candidates, sorted stably by score."""
    found = {}
    for user in sorted({user for user, _ in TEST}):
        known = {item for of, item in TRAIN if of == user}
        relevant = {item for of, item in TEST if of == user and counted(item)}
        pool = [item for item in (candidates or {}).get(user, catalogue) if candidates or item not in known]
        values = [
            plain_metrics(sorted(order, key=lambda item: -table[user][item]), relevant, k)
            for order in itertools.permutations(pool)
            if relevant
        ]
        if values:
            found[user] = {name: np.mean([value[name] for value in values]) for name in ACCURACY}
    return found


def rules(**options) -> EvaluateConfig:
    return EvaluateConfig(**({"metrics": ACCURACY, "k": CUTS, "ties": "expected", "protocol": "full"} | options))


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("block_bytes", [1, 2**20])
def test_the_mean_over_all_orders(name, block_bytes):
    table = TABLES[name]
    found = evaluate(fixed(table), SPLIT, rules(block_bytes=block_bytes))
    for k in CUTS:
        expected = by_going_through(table, k)
        assert found.per_user["user"].tolist() == list(expected)
        for metric in ACCURACY:
            by_hand = [values[metric] for values in expected.values()]
            assert found.per_user[f"{metric}@{k}"] == pytest.approx(by_hand, rel=1e-12), (metric, k)
            assert found.metrics[f"{metric}@{k}"] == pytest.approx(np.mean(by_hand), rel=1e-12)
    assert "orders_of_ties" not in found.facts


def test_the_parts_of_the_targets_are_exact_too():
    table = TABLES["random"]
    found = evaluate(fixed(table), SPLIT, rules())
    facts = found.facts["by_popularity"]
    trained = np.bincount([item for _, item in TRAIN], minlength=7)
    low, high = facts["most_users"]
    chosen = {
        "cold": lambda item: trained[item] <= low,
        "cool": lambda item: low < trained[item] <= high,
        "warm": lambda item: trained[item] > high,
    }
    compared = 0
    for k in CUTS:
        for bucket, counted in chosen.items():
            expected = by_going_through(table, k, counted=counted)
            assert facts[bucket]["n_users"] == len(expected)
            for metric in ACCURACY if expected else ():
                mean = np.mean([values[metric] for values in expected.values()])
                assert facts[bucket]["metrics"][f"{metric}@{k}"] == pytest.approx(mean, rel=1e-12)
                compared += 1
        warm = by_going_through(table, k, counted=lambda item: trained[item] > 0)
        mean = np.mean([values["map"] for values in warm.values()])
        assert found.facts["warm_only"][f"map@{k}"] == pytest.approx(mean, rel=1e-12)
    assert compared > 2 * len(ACCURACY) * len(CUTS) - 1


def test_among_candidates():
    given = {0: [1, 2, 4, 5, 6], 1: [0, 2, 3], 2: [1, 2, 3, 4, 6], 3: [0, 1, 5]}
    candidates = np.full((6, 5), -1, np.int32)
    for user, items in given.items():
        candidates[user, : len(items)] = items
    split = make_split(TRAIN, TEST, n_users=6, n_items=7, candidates=candidates, protocol="candidates")
    table = TABLES["two levels"]
    found = evaluate(fixed(table), split, rules(protocol="candidates", k=[2, 4]))
    for k in (2, 4):
        expected = by_going_through(table, k, candidates=given)
        for metric in ACCURACY:
            name = next(name for name in found.per_user if name.split("|")[0] == f"{metric}@{k}")
            assert found.per_user[name] == pytest.approx([v[metric] for v in expected.values()], rel=1e-12)


def test_what_two_stages_lose():
    table = TABLES["two levels"]
    found = evaluate(
        embedding(table),
        SPLIT,
        rules(protocol="two_stage", latency_users=0, k=[2], metrics=["recall"]),
        retrieval=retrieval(n_candidates=6),
    )
    recall = [values["recall"] for values in by_going_through(table, 2).values()]
    n_relevant = np.array([3, 1, 3, 1])
    assert found.per_user["recall@2|two_stage"] == pytest.approx(recall, rel=1e-12)
    assert found.facts["attribution@2"]["found"] == pytest.approx((recall * n_relevant).sum(), rel=1e-12)
    ceiling = np.minimum(2, [2, 1, 3, 1]) / n_relevant  # the cold target of user 0 is no candidate
    assert found.per_user["misranked@2|two_stage"] == pytest.approx(ceiling - recall, abs=1e-12)


def test_what_has_no_formula_says_over_how_many_orders_it_is_a_mean():
    one_user = make_split([(1, item) for item in range(6)], [(0, 2)], n_users=2, n_items=6)
    config = rules(metrics=["hr", "coverage", "novelty"], k=[3])
    evaluator = Evaluator(one_user, config)
    assert evaluator.notices == ("evaluate.ties=expected: coverage, novelty are means over 8 random orders",)
    found = evaluator(fixed(np.zeros((2, 6))))
    assert found.facts["orders_of_ties"] == {"coverage": 8, "novelty": 8}
    assert found.metrics["coverage@3"] == pytest.approx(3 / 6)  # of every order alone, not of all together
    assert found.metrics["hr@3"] == pytest.approx(3 / 6, rel=1e-12)
    assert Evaluator(one_user, rules()).notices == ()
    assert Evaluator(one_user, rules(ties="item_id", metrics=["coverage"])).notices == ()


def test_a_metric_that_changes_another_has_no_formula_of_it():
    class Halved(HitRatio):
        def per_user(self, lists, k):
            return super().per_user(lists, k) / 2

    class Renamed(HitRatio):
        pass

    made = {"halved": Halved, "renamed": Renamed, "hr": HitRatio, "ild": IntraListDistance}
    orders = orders_of("expected", {name: object.__new__(cls) for name, cls in made.items()})
    assert (orders.exact, orders.drawn, orders.draws) == ({"renamed", "hr"}, ("halved", "ild"), 8)
    assert orders_of("item_id", {"ild": object.__new__(IntraListDistance)}) == Orders()


def test_a_cut_behind_the_catalogue_is_refused_as_ever():
    with pytest.raises(ConfigError, match=r"evaluate\.k has 9"):
        Evaluator(SPLIT, rules(k=[9]))
