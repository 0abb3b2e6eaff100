"""Small splits, models whose scores are written down, and the rules once more in plain Python."""

from __future__ import annotations

import gzip
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from rexp.api import Capability, MetricContext, TopKLists
from rexp.data.interactions import Interactions
from rexp.data.split import Split


def interactions(pairs, ratings=None) -> Interactions:
    order = sorted(range(len(pairs)), key=lambda row: pairs[row][0])
    users = np.array([pairs[row][0] for row in order], np.int32)
    items = np.array([pairs[row][1] for row in order], np.int32)
    return Interactions(users, items, None if ratings is None else np.array([ratings[r] for r in order], np.float32))


def make_split(train, test, valid=(), *, n_users, n_items, ratings=None, candidates=None, protocol="full") -> Split:
    parts = interactions(list(train)), interactions(list(valid)), interactions(list(test), ratings)
    return Split("toy", *parts, n_users, n_items, "fingerprint", protocol, candidates)


def random_split(seed=0, n_users=30, n_items=40, density=0.2, valid=True) -> Split:
    """Some users without targets, some items without training interactions."""
    rng = np.random.default_rng(seed)
    train, held_out, test = [], [], []
    for user in range(n_users):
        for item in rng.permutation(n_items)[: max(2, int(rng.poisson(density * n_items)))]:
            draw = rng.random()
            cold = item >= n_items - 4
            place = test if draw < 0.3 or cold else held_out if draw < 0.4 and valid else train
            if not (place is test and user % 7 == 3):
                place.append((user, int(item)))
    return make_split(train, test, held_out, n_users=n_users, n_items=n_items)


class FixedScores(torch.nn.Module):
    """Scores from a table; how it hands them out is a matter of its capabilities."""

    def __init__(self, table, *capabilities: Capability) -> None:
        super().__init__()
        self.register_buffer("table", torch.as_tensor(table))
        self.can = frozenset(capabilities)

    def capabilities(self):
        return self.can

    def score_all(self, query):
        return self.table[query.users]

    def user_embeddings(self, query):
        return self.table[query.users]

    def item_embeddings(self):
        return torch.eye(self.table.shape[1], dtype=self.table.dtype)

    def score(self, query, items):
        rows = query.users if items.dim() == 1 else query.users.unsqueeze(1)
        return self.table[rows, items]


def fixed(table) -> FixedScores:
    return FixedScores(torch.as_tensor(table, dtype=torch.float32), Capability.SCORES_ALL_ITEMS)


def context(n_items=10, popularity=None, n_users=4, features=None) -> MetricContext:
    popularity = torch.ones(n_items, dtype=torch.int64) if popularity is None else torch.tensor(popularity)
    return MetricContext(n_users, (popularity > 0).nonzero().squeeze(1), popularity, features)


def lists_of(hits, n_relevant) -> TopKLists:
    """Lists with hits where they are said to be; the items do not matter."""
    hits = torch.tensor(hits, dtype=torch.bool)
    items = torch.arange(hits.shape[1]).repeat(len(hits), 1)
    return TopKLists(torch.arange(len(hits)), items, hits, torch.tensor(n_relevant))


def plain_lists(
    split: Split,
    table,
    k,
    *,
    mask=("train", "valid"),
    ties="item_id",
    part="test",
    catalogue="train",
    targets="all",
):
    """user -> (list, relevant), ranked by sorting, one user after another."""
    sets = {p: [set() for _ in range(split.n_users)] for p in ("train", "valid", "test")}
    for name in sets:
        for user, item in zip(split.part(name).users.tolist(), split.part(name).items.tolist(), strict=True):
            sets[name][user].add(item)
    trained = set().union(*sets["train"])
    of_kind = {"train": trained, "warm": trained, "all": set(range(split.n_items))}
    of_kind["cold"] = of_kind["all"] - trained
    found = {}
    for user in range(split.n_users):
        relevant = sets[part][user] & of_kind[targets]
        if not relevant:
            continue
        hidden = set().union(*(sets[name][user] for name in mask))
        allowed = [i for i in range(split.n_items) if i not in hidden and i in of_kind[catalogue]]
        late = (lambda item, relevant=relevant: item in relevant) if ties == "pessimistic" else (lambda item: False)
        ranked = sorted(allowed, key=lambda item: (-float(table[user][item]), late(item), item))
        found[user] = ranked[:k], relevant
    return found


def plain_metrics(items, relevant, k) -> dict[str, float]:
    """The definitions of one user, with loops."""
    hits = [rank for rank, item in enumerate(items[:k], 1) if item in relevant]
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(relevant)) + 1))
    precision, recall = len(hits) / k, len(hits) / len(relevant)
    precisions = sum((n + 1) / rank for n, rank in enumerate(hits))
    return {
        "recall": len(hits) / len(relevant),
        "recall_capped": len(hits) / min(k, len(relevant)),
        "precision": len(hits) / k,
        "hr": float(bool(hits)),
        "f1": 2 * precision * recall / (precision + recall) if hits else 0.0,
        "mrr": 1 / hits[0] if hits else 0.0,
        "ndcg": sum(1 / math.log2(rank + 1) for rank in hits) / ideal,
        "map": precisions / min(k, len(relevant)),
        "ap_trec": precisions / len(relevant),
    }


def data_folder(name: str) -> Path:
    """A folder of data that may not be redistributed; the test is skipped where it is not at hand."""
    root = os.environ.get("REXP_DATA")
    if not root or not (Path(root) / name).is_dir():
        pytest.skip(f"needs the data set {name} under the folder that REXP_DATA names")
    return Path(root) / name


def ncf_split() -> Split:
    """NCF's own split of MovieLens-1M with its given negatives, read without the data layer."""
    folder = data_folder("ncf-ml-1m")

    def pairs(name):
        return np.loadtxt(gzip.open(folder / name, "rt"), dtype=np.int32, usecols=(0, 1))

    def part(rows):
        return Interactions(rows[:, 0], rows[:, 1])

    with gzip.open(folder / "ml-1m.test.negative.gz", "rt") as file:
        candidates = np.array([line.split("\t")[1:] for line in file], dtype=np.int32)
    train, test = pairs("ml-1m.train.rating3.gz"), pairs("ml-1m.test.rating.gz")
    empty = part(np.empty((0, 2), np.int32))
    return Split("ncf-ml-1m", part(train), empty, part(test), 6040, 3706, "fingerprint", "candidates", candidates)
