"""The same lists through ranx and ir_measures; slow, since ranx compiles its metrics at the first call."""

from __future__ import annotations

import gzip
import warnings

import numpy as np
import pytest
import torch

from rexp.evaluate.config import EvaluateConfig
from rexp.evaluate.evaluator import evaluate

from .helpers import data_folder, fixed, make_split, plain_lists, random_split

pytestmark = [
    pytest.mark.slow,
    # What the peers and the compiler under them warn of is not ours to mend.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*:Warning:numba"),
]

METRICS = ["ndcg", "recall", "precision", "hr", "mrr", "ap_trec"]


def by_ranx(lists, k) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ranx

        names = dict(zip(["ndcg", "recall", "precision", "hit_rate", "mrr", "map"], METRICS, strict=True))
        qrels = ranx.Qrels({f"u{u}": {f"i{i}": 1 for i in relevant} for u, (_, relevant) in lists.items()})
        run = ranx.Run({f"u{u}": {f"i{i}": 1 / r for r, i in enumerate(items, 1)} for u, (items, _) in lists.items()})
        found = ranx.evaluate(qrels, run, [f"{name}@{k}" for name in names])
    return {f"{ours}@{k}": float(found[f"{theirs}@{k}"]) for theirs, ours in names.items()}


def by_ir_measures(lists, k) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ir_measures
        from ir_measures import AP, RR, P, R, Success, nDCG

        qrels = [ir_measures.Qrel(f"u{u}", f"i{i}", 1) for u, (_, relevant) in lists.items() for i in relevant]
        run = [
            ir_measures.ScoredDoc(f"u{u}", f"i{i}", 1 / rank)
            for u, (items, _) in lists.items()
            for rank, i in enumerate(items, 1)
        ]
        measures = dict(zip([nDCG @ k, R @ k, P @ k, Success @ k, RR @ k, AP @ k], METRICS, strict=True))
        found = ir_measures.calc_aggregate(list(measures), qrels, run)
    return {f"{ours}@{k}": float(found[theirs]) for theirs, ours in measures.items()}


def ml_100k():
    """MovieLens-100K, each user's last fifth held out, ranked by popularity."""
    with gzip.open(data_folder("ml-100k") / "u.data.gz", "rt") as file:
        rows = sorted((user, time, item) for user, item, _, time in (map(int, line.split()) for line in file))
    by_user: dict[int, list[tuple[int, int]]] = {}
    for user, _, item in rows:
        by_user.setdefault(user - 1, []).append((user - 1, item - 1))
    train = [pair for pairs in by_user.values() for pair in pairs[: len(pairs) * 4 // 5]]
    test = [pair for pairs in by_user.values() for pair in pairs[len(pairs) * 4 // 5 :]]
    split = make_split(train, test, n_users=len(by_user), n_items=1 + max(item for _, _, item in rows))
    return split, np.tile(split.train_users_per_item, (split.n_users, 1))


def random_lists():
    return random_split(seed=4, n_users=60, n_items=80), np.random.default_rng(4).integers(0, 9, (60, 80))


@pytest.mark.parametrize("peer", [by_ranx, by_ir_measures])
@pytest.mark.parametrize("case", [random_lists, ml_100k])
def test_agree_to_six_places(case, peer):
    split, table = case()
    ours = evaluate(fixed(torch.as_tensor(table)), split, EvaluateConfig(metrics=METRICS, k=[5, 10]))
    lists = plain_lists(split, table, 10)
    for k in (5, 10):
        theirs = peer(lists, k)
        assert {name: ours.metrics[name] for name in theirs} == pytest.approx(theirs, abs=1e-6)
        assert theirs[f"ndcg@{k}"] > 0.01
