"""The full ranking against a plain one that sorts, user by user."""

from __future__ import annotations

import math
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import torch

from rexp.api import Capability
from rexp.errors import ConfigError, DataError, RunError
from rexp.evaluate.config import EvaluateConfig
from rexp.evaluate.evaluator import Evaluator, evaluate
from rexp.metrics.ranking import NDCG

from .helpers import FixedScores, fixed, make_split, plain_lists, plain_metrics, random_split

ACCURACY = ["recall", "recall_capped", "precision", "hr", "mrr", "ndcg", "map", "ap_trec"]
FULL = EvaluateConfig(protocol="full", metrics=[*ACCURACY, "coverage", "gini", "novelty"], k=[3, 10])


def with_options(**options) -> EvaluateConfig:
    return EvaluateConfig(**({"protocol": "full", "metrics": FULL.metrics, "k": [3, 10]} | options))


def tied_table(seed=0, n_users=30, n_items=40):
    return np.random.default_rng(seed).integers(0, 6, (n_users, n_items)).astype(np.float32)


@pytest.mark.parametrize("ties", ["item_id", "pessimistic"])
@pytest.mark.parametrize("mask", [["train", "valid"], ["train"], []])
@pytest.mark.parametrize(
    ("catalogue", "targets"), [("train", "all"), ("all", "all"), ("all", "warm"), ("all", "cold"), ("cold", "cold")]
)
def test_equals_the_plain_ranking(ties, mask, catalogue, targets):
    split, table = random_split(), tied_table()
    of_kind = {"catalogue": catalogue, "targets": targets, "k": [3, 4 if catalogue == "cold" else 10]}
    found = evaluate(fixed(table), split, with_options(ties=ties, mask=mask, **of_kind))
    expected = plain_lists(split, table, 10, mask=mask, ties=ties, catalogue=catalogue, targets=targets)
    assert found.per_user["user"].tolist() == list(expected)
    for k in of_kind["k"]:
        for name in ACCURACY:
            by_hand = [plain_metrics(items, relevant, k)[name] for items, relevant in expected.values()]
            assert found.per_user[f"{name}@{k}"] == pytest.approx(by_hand, abs=1e-12)
            assert found.metrics[f"{name}@{k}"] == pytest.approx(np.mean(by_hand), abs=1e-12)
    of_users = sum(len(relevant) for _, relevant in expected.values())
    assert found.facts["n_targets"] == of_users
    assert found.facts.get("n_targets_left_out", 0) == len(split.user_items(["test"])[1]) - of_users
    assert found.facts["n_duplicate_targets"] == 0


def test_nothing_to_measure_among_cold_items_is_told():
    split = make_split([(0, 0)], [(0, 1)], n_users=1, n_items=2)
    with pytest.raises(DataError, match="no row of a warm item in its test part"):
        evaluate(fixed([[0.0, 1.0]]), split, with_options(targets="warm", k=[1]))
    warm = make_split([(0, 0), (1, 1)], [(0, 1)], n_users=2, n_items=2)
    with pytest.raises(DataError, match="no item without a training interaction"):
        evaluate(fixed([[0.0, 1.0]] * 2), warm, with_options(catalogue="cold", k=[1]))


def test_catalogue_metrics_equal_the_plain_ranking():
    split, table = random_split(), tied_table()
    found = evaluate(fixed(table), split, FULL)
    lists = [items for items, _ in plain_lists(split, table, 3).values()]
    catalogue = np.flatnonzero(split.train_users_per_item)
    counts = [sum(item in items for items in lists) for item in catalogue]
    n, total = len(counts), sum(counts)
    gini = sum(abs(a - b) for a in counts for b in counts) / (2 * n * total)
    assert found.facts["catalogue_size"] == n
    assert found.metrics["coverage@3"] == pytest.approx(np.mean(np.array(counts) > 0))
    assert found.metrics["gini@3"] == pytest.approx(gini)
    n_users = len(np.unique(split.train.users))
    bits = [
        np.mean([-math.log2((split.train_users_per_item[i] + 1) / (n_users + 1)) for i in items]) for items in lists
    ]
    assert found.metrics["novelty@3"] == pytest.approx(np.mean(bits))


@pytest.mark.parametrize("ties", ["item_id", "pessimistic", "expected"])
def test_the_size_of_the_blocks_changes_nothing(ties):
    split, table = random_split(), tied_table()
    whole = evaluate(fixed(table), split, with_options(ties=ties))
    for block_bytes in (1, 7 * 48 * 40, 13 * 48 * 40):
        parts = evaluate(fixed(table), split, with_options(ties=ties, block_bytes=block_bytes))
        assert parts.metrics == whole.metrics
        assert all(np.array_equal(parts.per_user[name], whole.per_user[name]) for name in whole.per_user)
        assert parts.facts == whole.facts


@pytest.mark.parametrize(
    "capabilities", [(Capability.SCORES_ALL_ITEMS,), (Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT), ()]
)
def test_every_way_of_scoring_gives_the_same(capabilities):
    split, table = random_split(), torch.as_tensor(tied_table())
    model = FixedScores(table, *capabilities)
    assert evaluate(model, split, with_options(block_bytes=2000)).metrics == evaluate(fixed(table), split, FULL).metrics
    assert torch.equal(model.table, table)  # the mask is not written into the model


def test_valid_is_measured_without_the_mask_of_valid():
    split, table = random_split(), tied_table()
    found = evaluate(fixed(table), split, FULL, part="valid")
    expected = plain_lists(split, table, 10, mask=["train"], part="valid")
    by_hand = [plain_metrics(items, relevant, 10)["ndcg"] for items, relevant in expected.values()]
    assert found.per_user["ndcg@10"] == pytest.approx(by_hand, abs=1e-12)
    assert (found.facts["mask"], found.facts["history"]) == (["train"], ["train"])


def test_facts_count_what_is_dropped_cold_repeated_and_masked():
    # user 2 has no target; item 4 is cold; user 0 has one target twice and one that it already has in training
    train = [(0, 0), (0, 1), (1, 2), (2, 3)]
    split = make_split(train, [(0, 2), (0, 2), (0, 0), (1, 4), (1, 3)], n_users=3, n_items=5)
    found = evaluate(fixed(np.tile([5, 4, 3, 2, 9], (3, 1))), split, with_options(k=[2]))
    facts = found.facts
    assert (facts["n_users_evaluated"], facts["n_users_dropped"]) == (2, 1)
    assert (facts["n_targets"], facts["n_duplicate_targets"], facts["n_cold_targets"]) == (4, 1, 1)
    assert (facts["n_masked_targets"], facts["catalogue_size"]) == (1, 4)
    # user 0 gets 2, 3 and finds one of two; user 1 gets 0, 1 and finds none, cold items staying among the relevant
    assert found.per_user["recall@2"].tolist() == [0.5, 0.0]
    assert "note" not in facts


def test_warm_only_stands_beside_where_targets_are_cold():
    split = make_split([(0, 0), (1, 1), (1, 2)], [(0, 1), (0, 3), (1, 3)], n_users=2, n_items=4)
    found = evaluate(fixed(np.zeros((2, 4))), split, with_options(k=[1], metrics=["recall"]))
    assert found.metrics["recall@1"] == pytest.approx((1 / 2 + 0) / 2)
    assert found.facts["warm_only"] == {"n_users": 1, "recall@1": 1.0}
    everything = evaluate(
        fixed([[0, 0, 0, 9], [0, 0, 0, 9]]), split, with_options(k=[1], metrics=["hr"], catalogue="all")
    )
    assert everything.metrics["hr@1"] == 1
    assert everything.facts["warm_only"]["hr@1"] == 0


def test_a_user_with_nothing_left_to_recommend_counts_as_zero():
    split = make_split([(0, 0), (0, 1), (1, 0)], [(0, 2), (1, 1)], n_users=2, n_items=3)
    found = evaluate(fixed(np.zeros((2, 3))), split, with_options(k=[1], metrics=["recall", "novelty"]))
    assert found.per_user["recall@1"].tolist() == [0.0, 1.0]
    assert found.metrics["recall@1"] == 0.5
    assert found.facts["n_users_undefined"] == {"novelty@1": 1}
    assert not math.isnan(found.metrics["novelty@1"])


def test_one_target_each_is_noted():
    split = make_split([(0, 0), (1, 1)], [(0, 1), (1, 0)], n_users=2, n_items=2)
    assert "recall equals hr" in evaluate(fixed(np.zeros((2, 2))), split, with_options(k=[1])).facts["note"]


def test_tie_rate_counts_users_whose_cut_parts_equal_scores():
    split = make_split([(0, 5), (1, 5), (2, 0), (2, 1), (2, 2), (2, 3), (2, 4)], [(0, 0), (1, 0)], n_users=3, n_items=6)
    found = evaluate(fixed([[5, 4, 4, 4, 1, 9], [5, 4, 3, 2, 1, 9], [0] * 6]), split, with_options(k=[1, 2, 3, 4]))
    rates = [found.facts[f"tie_rate@{k}"] for k in (1, 2, 3, 4)]
    assert rates == [0, 0.5, 0.5, 0]


def chance_split(n_users=400, n_items=50):
    rng = np.random.default_rng(5)
    train = [(user, int(item)) for user in range(n_users) for item in rng.choice(n_items, 5, replace=False)]
    known = set(train)
    test = [(u, next(int(i) for i in rng.permutation(n_items) if (u, int(i)) not in known)) for u in range(n_users)]
    return make_split(train, test, n_users=n_users, n_items=n_items)


def test_a_constant_scorer_is_chance_in_expectation_and_nothing_when_pessimistic():
    split, constant = chance_split(), fixed(np.zeros((400, 50)))
    expected = evaluate(constant, split, with_options(k=[10], ties="expected"))
    # 45 items are left to each user, so the chance of a hit is 10 / 45.
    assert expected.metrics["hr@10"] == pytest.approx(10 / 45, rel=1e-12)
    chance_of_mrr = sum(1 / rank for rank in range(1, 11)) / 45
    assert expected.metrics["mrr@10"] == pytest.approx(chance_of_mrr, rel=1e-12)
    assert evaluate(constant, split, with_options(k=[10], ties="pessimistic")).metrics["hr@10"] == 0
    by_item = evaluate(constant, split, with_options(k=[10]))
    assert by_item.metrics["hr@10"] == pytest.approx(10 / 45, abs=0.07)
    assert by_item.facts["tie_rate@10"] == 1


def test_nan_scores_name_the_user_and_the_model():
    split, table = random_split(), tied_table()
    user = int(split.test.users[-1])
    table[user, 7] = np.nan
    with pytest.raises(RunError, match=rf"FixedScores gives NaN scores \(first: user {user}\)"):
        evaluate(fixed(table), split, FULL)


def test_infinite_scores_are_ranked_not_refused():
    split = make_split([(0, 3), (1, 0), (1, 1), (1, 2)], [(0, 1)], n_users=2, n_items=4)
    table = [[-np.inf, np.inf, 0, 0], [0, 0, 0, 0]]
    found = evaluate(fixed(table), split, with_options(k=[1, 3], metrics=["hr", "novelty"]))
    assert found.metrics["hr@1"] == 1


def test_k_above_the_catalogue_names_both():
    with pytest.raises(ConfigError, match=r"evaluate\.k has 50, but only 36 items"):
        Evaluator(random_split(), with_options(k=[10, 50]))


def test_a_part_without_users_is_refused():
    split = make_split([(0, 0)], [], n_users=1, n_items=1)
    with pytest.raises(DataError, match="no row in its test part"):
        Evaluator(split, with_options(k=[1]))


def test_a_row_metric_among_list_metrics_is_refused():
    with pytest.raises(ConfigError, match=r"belongs in evaluate\.row_metrics"):
        Evaluator(random_split(), with_options(metrics=["auc"]))


def test_the_model_is_left_in_the_mode_it_was_in():
    model = fixed(tied_table())
    model.train()
    evaluate(model, random_split(), FULL)
    assert model.training


class Wide(FixedScores):
    """Remembers the largest block it was asked for."""

    def __init__(self, n_items, *capabilities):
        super().__init__(torch.zeros(1, 1), *capabilities)
        self.n_items, self.largest = n_items, 0

    def score_all(self, query):
        self.largest = max(self.largest, len(query.users) * self.n_items)
        items = torch.arange(self.n_items)
        return ((items * 7919 + query.users.unsqueeze(1) * 31) % 1009).float()

    def score(self, query, items):
        self.largest = max(self.largest, items.numel())
        return ((items * 7919 + query.users.unsqueeze(1) * 31) % 1009).float()


@pytest.mark.parametrize("capabilities", [(Capability.SCORES_ALL_ITEMS,), ()])
def test_blocks_do_not_grow_with_users_or_items(capabilities):
    largest = []
    for n_users in (50, 400):
        split = make_split(
            [(u, u % 7) for u in range(n_users)], [(u, 3000) for u in range(n_users)], n_users=n_users, n_items=4000
        )
        model = Wide(4000, *capabilities)
        evaluate(model, split, with_options(k=[5], catalogue="all", block_bytes=4 * 2**20))
        largest.append(model.largest)
    assert max(largest) <= 4 * 2**20 // 48


def peak_growth(n_items):
    """MiB by which the process's peak memory grows from ranking for 4 users to ranking for 60."""
    import resource

    class Dot(FixedScores):
        def user_embeddings(self, query):
            return torch.stack([query.users.float(), torch.ones(len(query.users))], 1)

        def item_embeddings(self):
            return torch.stack([torch.arange(n_items) % 1009, torch.arange(n_items) % 13], 1).float()

    peaks = []
    for n_users in (4, 60):
        split = make_split([(0, 1)], [(u, 500 + u) for u in range(n_users)], n_users=n_users, n_items=n_items)
        model = Dot(torch.zeros(1, 1), Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT)
        evaluate(model, split, with_options(k=[10], catalogue="all"))
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return peaks[1] - peaks[0]


def test_memory_does_not_grow_with_users():
    # A million scores of 60 users would be 240 MB.
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        assert fresh.submit(peak_growth, 1_000_000).result() < 60


def test_a_metric_gives_one_value_a_user(monkeypatch):
    monkeypatch.setattr(NDCG, "per_user", lambda self, lists, k: torch.tensor(0.5))
    with pytest.raises(RunError, match=r"NDCG gives values of users of the shape \(\); \(30,\) is wanted|shape \(\)"):
        evaluate(fixed(tied_table()), random_split(n_users=30, n_items=40), with_options(metrics=["ndcg"], k=[3]))
