"""Retrieve, then rank: against the full ranking, and against numbers counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from rexp.api import Capability
from rexp.errors import ConfigError, RunError
from rexp.evaluate.config import EvaluateConfig
from rexp.evaluate.evaluator import Evaluator, evaluate

from .helpers import FixedScores, make_split, random_split
from .retrieval import embedding, planted, retrieval, rules

METRICS = ["recall", "ndcg", "mrr", "map", "precision", "coverage", "gini", "novelty"]


def tied_table(seed=0, n_users=30, n_items=40):
    return np.random.default_rng(seed).integers(0, 6, (n_users, n_items)).astype(np.float32)


def two_stage(model, split, config, first, part="test"):
    return evaluate(model, split, config, part, retrieval=first)


@pytest.mark.parametrize("ties", ["item_id", "pessimistic"])
@pytest.mark.parametrize(
    ("catalogue", "part"), [("train", "test"), ("all", "test"), ("cold", "test"), ("train", "valid"), ("all", "valid")]
)
def test_exact_candidates_of_the_whole_catalogue_give_the_full_ranking(ties, catalogue, part):
    split, model, longest = random_split(), embedding(tied_table()), 4 if catalogue == "cold" else 10
    options = {"metrics": METRICS, "k": [3, longest], "ties": ties, "catalogue": catalogue}
    full = Evaluator(split, EvaluateConfig(protocol="full", **options), part)(model)
    found = two_stage(model, split, rules(**options), retrieval(n_candidates=40), part)
    for name, value in full.metrics.items():
        assert found.metrics[f"{name}|two_stage"] == value
    for name, values in full.per_user.items():
        assert np.array_equal(found.per_user[name if name == "user" else f"{name}|two_stage"], values)
    for fact in ("n_users_evaluated", "n_targets", "n_masked_targets", "catalogue_size", f"tie_rate@{longest}", "mask"):
        assert found.facts[fact] == full.facts[fact]
    assert found.metrics["index_recall|two_stage"] == 1


# Seven users' rows are in training for the catalogue's sake; users 0, 1 and 2 have targets. The index misses 1, 2
# and, for it stands first in nobody's list, 0. Of the best four by the first stage's scores:
FIRST = [
    [0, 9, 8, 7, 1, 6, 5, 4, 3, 2],  # 3 5 6 7
    [1, 9, 9, 8, 7, 2, 6, 5, 4, 3],  # 3 4 6 7
    [0, 9, 8, 7, 1, 6, 5, 4, 3, 2],  # 3 5 6 7
]
SECOND = [
    [0, 0, 0, 4, 0, 3, 2, 1, 0, 0],  # 3 5 6
    [0, 0, 0, 4, 3, 0, 2, 1, 0, 0],  # 3 4 6
    [0, 0, 0, 4, 0, 3, 2, 1, 0, 0],  # 3 5 6
]
TARGETS = [(0, 1), (0, 2), (0, 3), (0, 4), (1, 0), (1, 5), (2, 7)]


@pytest.mark.parametrize(("short", "found"), [(2**-22, 1), (2**-10, 0)])
def test_an_index_is_not_charged_for_rounding(short, found):
    """Of items 2 and 3 the index has the one that scores less, by as much as two orders of summing may differ."""
    split = make_split([(1, item) for item in range(4)], [(0, 3)], n_users=2, n_items=4)
    first = planted([2], 1, vectors_from=embedding([[0, 0, 1, 1 - short], [0] * 4]))
    measured = two_stage(embedding([[0.0] * 4] * 2), split, rules(metrics=["recall"], k=[1]), first)
    assert measured.metrics["index_recall|two_stage"] == found


def toy():
    return make_split([(3, item) for item in range(10)], TARGETS, n_users=4, n_items=10)


def measured_toy():
    first = planted([0, 1, 2], 4, vectors_from=embedding([*FIRST, [0] * 10]))
    return two_stage(embedding([*SECOND, [0] * 10]), toy(), rules(metrics=["recall", "ndcg"], k=[3]), first)


def test_an_index_that_misses_known_items_is_charged_for_them():
    found = measured_toy()
    counts = found.facts["attribution@3"]
    # user 0: 3 hits can be had, 1 is retrieved and listed; user 1: 2, none; user 2: 1, retrieved, on the last place
    assert {name: counts[name] for name in ("achievable", "ceiling", "found")} == {
        "achievable": 6, "ceiling": 2, "found": 1,
    }  # fmt: skip
    assert {name: counts[name] for name in ("missed", "misranked", "gap")} == {"missed": 4, "misranked": 1, "gap": 5}
    by_user = {
        "candidate_recall": [1 / 4, 0, 1],
        "recall_ceiling@3": [1 / 4, 0, 1],
        "missed@3": [2 / 4, 2 / 2, 0],
        "misranked@3": [0, 0, 1],
        "gap@3": [2 / 4, 1, 1],
        "recall@3": [1 / 4, 0, 0],
        "index_recall": [2 / 4, 2 / 4, 2 / 4],  # exactly 1 2 3 5, 1 2 3 4, 1 2 3 5
    }
    for name, values in by_user.items():
        assert found.per_user[f"{name}|two_stage"].tolist() == values
        assert found.metrics[f"{name}|two_stage"] == pytest.approx(sum(values) / 3, rel=1e-15)
    ideal = 1 + 1 / np.log2(3) + 1 / np.log2(4)
    assert counts["ndcg_ceiling"] == pytest.approx((1 / ideal + 0 + 1) / 3)
    assert found.facts["n_users_short_of_candidates"] == 0


@pytest.mark.parametrize("ties", ["item_id", "pessimistic", "expected"])
@pytest.mark.parametrize("seed", range(5))
def test_the_parts_add_up_to_the_last_digit(ties, seed):
    rng = np.random.default_rng(seed)
    split = random_split(seed)
    first = planted(rng.choice(36, 12, replace=False), 11, vectors_from=embedding(rng.random((30, 40))))
    config = rules(metrics=["recall", "recall_capped"], k=[1, 4, 10], ties=ties)
    found = two_stage(embedding(tied_table(seed)), split, config, first)
    values = {name.removesuffix("|two_stage"): value for name, value in found.metrics.items()}
    for k in (1, 4, 10):
        assert values[f"missed@{k}"] + values[f"misranked@{k}"] == values[f"gap@{k}"]
        counts = found.facts[f"attribution@{k}"]
        assert counts["missed"] + counts["misranked"] == counts["gap"]
        assert counts["gap"] == pytest.approx(counts["achievable"] - counts["found"], rel=1e-14)
        assert ties == "expected" or isinstance(counts["found"], int)
        per_user = {name: found.per_user[f"{name}@{k}|two_stage"] for name in ("missed", "misranked", "gap", "recall")}
        assert per_user["missed"] + per_user["misranked"] == pytest.approx(per_user["gap"], abs=1e-15)
        relevant = np.array([np.count_nonzero(split.test.users == user) for user in found.per_user["user"]])
        best = np.minimum(k, relevant) / relevant
        assert per_user["recall"] + per_user["gap"] == pytest.approx(best, abs=1e-15)
        assert (per_user["missed"] >= 0).all()
        assert (per_user["misranked"] >= 0).all()
        assert values[f"recall@{k}"] + values[f"misranked@{k}"] == pytest.approx(values[f"recall_ceiling@{k}"])


def test_more_candidates_raise_the_ceiling_and_names_stay():
    split, ranker = random_split(), embedding(tied_table(1))
    first = embedding(np.random.default_rng(2).random((30, 40)))
    curve = [
        Evaluator(split, rules(k=[5]), retrieval=retrieval(n_candidates=n, vectors_from=first))(ranker)
        for n in (5, 10, 20, 40)
    ]
    ceilings = [found.metrics["recall_ceiling@5|two_stage"] for found in curve]
    assert ceilings == sorted(ceilings)
    assert ceilings[0] < ceilings[-1]
    assert len({found.facts["protocol_id"] for found in curve}) == 1
    assert len({tuple(found.metrics) for found in curve}) == 1
    assert [found.facts["retriever"]["n_candidates"] for found in curve] == [5, 10, 20, 40]


def test_blocks_change_nothing():
    split, model = random_split(), embedding(tied_table())
    first = retrieval("ivf", 12, options={"n_lists": 4, "n_probe": 1})
    whole = two_stage(model, split, rules(k=[3]), first)
    tiny = two_stage(model, split, rules(k=[3], block_bytes=1), first)
    assert tiny.metrics == whole.metrics
    assert all(np.array_equal(tiny.per_user[name], whole.per_user[name]) for name in whole.per_user)


def test_another_run_s_model_ranks():
    split, first, second = random_split(), embedding(tied_table(1)), embedding(tied_table(2))
    from_vectors = two_stage(second, split, rules(k=[3]), retrieval(n_candidates=8, vectors_from=first))
    with_ranker = two_stage(first, split, rules(k=[3]), retrieval(n_candidates=8, ranker=second))
    assert with_ranker.metrics == from_vectors.metrics
    assert two_stage(first, split, rules(k=[3]), retrieval(n_candidates=8)).metrics != with_ranker.metrics


class Sequential(FixedScores):
    """Knows a user by the latest item alone, and must be shown that."""

    history_length = 1

    def user_embeddings(self, query):
        return self.table[query.history[:, 0]]


def test_the_embedding_model_gets_its_own_query():
    split = make_split([(0, 1), (0, 2), (1, 2), (1, 0), (2, 3)], [(0, 3), (1, 3)], n_users=3, n_items=4)
    table = torch.eye(4).roll(1, 1)  # after item i comes i + 1
    first = Sequential(table, Capability.HAS_EMBEDDINGS, Capability.SEQUENTIAL)
    found = two_stage(embedding(np.zeros((3, 4))), split, rules(k=[1]), retrieval(n_candidates=1, vectors_from=first))
    assert found.per_user["recall@1|two_stage"].tolist() == [1, 0]  # user 0 gets 3 after 2, user 1 gets 1 after 0


def test_item_features_find_what_is_like_what_was_taken():
    train = [(0, 0), (0, 1), (1, 3), (2, 2), (2, 4), (2, 5)]
    split = make_split(train, [(0, 2), (1, 4)], n_users=3, n_items=6)
    features = np.array([[1, 0], [2, 0], [9, 0], [0, 1], [0, 5], [1, 1]], np.float32)
    first = retrieval(n_candidates=1, item_features=features)
    found = two_stage(FixedScores(torch.zeros(3, 6)), split, rules(k=[1]), first)
    assert found.metrics["recall@1|two_stage"] == 1


def test_a_user_without_training_items_still_gets_candidates():
    split = make_split([(0, item) for item in range(6)], [(1, 2)], n_users=2, n_items=6)
    first = retrieval(n_candidates=3, item_features=np.ones((6, 2), np.float32))
    found = two_stage(FixedScores(torch.zeros(2, 6)), split, rules(k=[3]), first)
    assert found.metrics["index_recall|two_stage"] == 1
    assert found.facts["n_users_short_of_candidates"] == 0


def test_costs_are_bytes_and_milliseconds(tmp_path):
    split, model = random_split(), embedding(tied_table())
    found = two_stage(model, split, rules(k=[3], latency_users=7), retrieval(n_candidates=9, folder=tmp_path))
    (index,) = tmp_path.glob("*.faiss")
    assert found.costs["index_bytes"] == index.stat().st_size
    times = {name: value for name, value in found.costs.items() if name.endswith("_ms")}
    assert list(times) == [f"{stage}_p{p}_ms" for stage in ("retrieve", "rank", "both", "alone") for p in (50, 95)]
    for stage in ("retrieve", "rank", "both", "alone"):
        assert 0 < times[f"{stage}_p50_ms"] <= times[f"{stage}_p95_ms"]
    assert times["both_p50_ms"] > max(times["retrieve_p50_ms"], times["rank_p50_ms"])
    untimed = two_stage(model, split, rules(k=[3]), retrieval(n_candidates=9, folder=tmp_path))
    assert list(untimed.costs) == ["index_bytes", "index_build_seconds"]
    assert not untimed.facts["index"]["built"]


def test_validation_between_epochs_takes_the_full_ranking():
    split, model = random_split(), embedding(tied_table())
    between = replace(rules(k=[3], metrics=["ndcg"]), protocol="full")
    assert Evaluator(split, between, "valid")(model).metrics.keys() == {"ndcg@3"}


def test_a_short_list_of_candidates_is_counted():
    split = make_split([(0, 0), (0, 1), (0, 2), (1, 3)], [(0, 3), (1, 0)], n_users=2, n_items=4)
    found = two_stage(embedding(np.ones((2, 4))), split, rules(k=[1]), retrieval(n_candidates=3))
    assert found.facts["n_users_short_of_candidates"] == 1


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (None, "evaluate=two_stage needs a retriever; choose one with retriever=flat"),
        (retrieval(n_candidates=2), r"retriever\.n_candidates=2 is less than evaluate\.k=3"),
        (retrieval(vectors_from=FixedScores(torch.zeros(30, 40))), "FixedScores has no vectors .* retriever.from=RUN"),
        (retrieval(item_features=np.ones((9, 2))), "the item features have 9 rows, but 'toy' has 40"),
    ],
)
def test_what_cannot_be_measured_is_told_before_it_is_begun(first, message):
    with pytest.raises(ConfigError, match=message):
        Evaluator(random_split(), rules(k=[3]), retrieval=first)


def test_the_evaluated_model_needs_vectors_only_where_they_are_indexed():
    split, bare = random_split(), FixedScores(torch.as_tensor(tied_table()))
    with pytest.raises(ConfigError, match="has no vectors of users and items to retrieve with"):
        two_stage(bare, split, rules(k=[3]), retrieval())
    assert two_stage(bare, split, rules(k=[3]), retrieval(vectors_from=embedding(tied_table(3)))).metrics


def test_nan_is_told():
    split, table = random_split(), tied_table()
    table[:, 3] = np.nan
    with pytest.raises(RunError, match="vectors with NaN"):
        two_stage(embedding(table), split, rules(k=[3]), retrieval())
    first = retrieval(n_candidates=40, vectors_from=embedding(tied_table()))
    with pytest.raises(RunError, match="NaN scores"):
        two_stage(FixedScores(torch.full((30, 40), torch.nan)), split, rules(k=[3]), first)
