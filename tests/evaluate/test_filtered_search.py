"""Seen items are left out, and no list is shorter for it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rexp.evaluate.protocols.filtered_search import TOGETHER, FilteredSearch
from rexp.evaluate.user_items import UserItems
from rexp.plugins import registry

from .helpers import make_split
from .retrieval import Holes

N_USERS, N_ITEMS, DIM = 150, 900, 12


def crowd(heavy=850):
    """A split whose user 0 has seen nearly everything, whose last user nothing, and others a few."""
    rng = np.random.default_rng(0)
    seen = [heavy, *(int(rng.integers(1, 40)) for _ in range(N_USERS - 2)), 0]
    train = [(user, int(item)) for user, n in enumerate(seen) for item in rng.choice(N_ITEMS, n, replace=False)]
    return make_split(train, [], n_users=N_USERS, n_items=N_ITEMS)


def vectors(n, seed):
    """Whole numbers, whose products are exact however they are summed."""
    return np.random.default_rng(seed).integers(-500, 500, (n, DIM)).astype(np.float32)


def expected(split, items, queries, catalogue, n):
    """By sorting, one user after another."""
    seen = [set() for _ in range(split.n_users)]
    for user, item in zip(split.train.users.tolist(), split.train.items.tolist(), strict=True):
        seen[user].add(item)
    lists = []
    for user, scores in enumerate(queries @ items.T):
        allowed = [item for item in np.argsort(-scores, kind="stable").tolist() if item in catalogue]
        mine = [item for item in allowed if item not in seen[user]][:n]
        lists.append(mine + [-1] * (n - len(mine)))
    return lists


def finder(retriever, catalogue, split):
    return FilteredSearch(retriever, torch.as_tensor(catalogue), UserItems(split, ["train"], torch.device("cpu")))


@pytest.mark.parametrize("n", [1, 30, 100])
@pytest.mark.parametrize("catalogue", [list(range(N_ITEMS)), list(range(0, N_ITEMS, 3))])
def test_equals_sorting_without_seen_items(n, catalogue):
    split, items, queries = crowd(), vectors(N_ITEMS, 1), vectors(N_USERS, 2)
    found = finder(Holes(items[catalogue]), catalogue, split).find(torch.arange(N_USERS), torch.as_tensor(queries), n)
    assert found.tolist() == expected(split, items, queries, set(catalogue), n)


@pytest.mark.parametrize("name", registry.names("retriever"))
def test_no_kind_of_index_shortens_a_list(name):
    split, items, queries = crowd(), vectors(N_ITEMS, 1), vectors(N_USERS, 2)
    cls = registry.load("retriever", name)
    retriever = cls(cls.Config())
    retriever.build(items)
    found = finder(retriever, list(range(N_ITEMS)), split).find(torch.arange(N_USERS), torch.as_tensor(queries), 40)
    assert (found >= 0).all()
    seen = UserItems(split, ["train"], torch.device("cpu"))
    assert not seen.contains(torch.arange(N_USERS), found).any()
    assert all(len(set(row)) == 40 for row in found.tolist())


def test_a_user_who_has_seen_nearly_all_gets_what_is_left():
    split, items, queries = crowd(heavy=870), vectors(N_ITEMS, 1), vectors(N_USERS, 2)
    found = finder(Holes(items), list(range(N_ITEMS)), split).find(torch.arange(2), torch.as_tensor(queries[:2]), 40)
    assert (found[0, :30] >= 0).all()
    assert (found[0, 30:] == -1).all()
    assert (found[1] >= 0).all()


def test_a_heavy_user_does_not_make_everyone_fetch_thousands():
    split, items, queries = crowd(), vectors(N_ITEMS, 1), vectors(N_USERS, 2)
    index = Holes(items)
    finder(index, list(range(N_ITEMS)), split).find(torch.arange(N_USERS), torch.as_tensor(queries), 10)
    assert sum(users for users, _ in index.asked) == N_USERS
    assert [n for _, n in index.asked] == sorted(n for _, n in index.asked)
    assert sum(users for users, n in index.asked if n > 10 + 64) == 1  # others have seen 39 at most
    assert max(users for users, _ in index.asked) <= TOGETHER


def test_more_is_fetched_where_the_first_answer_is_short():
    class Halting(Holes):
        """Gives half of what it is asked for, as a graph may whose walk ends early."""

        def search(self, queries, n):
            scores, items = super().search(queries, n)
            items[:, (n + 1) // 2 :] = -1 if n < N_ITEMS else items[:, (n + 1) // 2 :]
            return scores, items

    split, items, queries = crowd(), vectors(N_ITEMS, 1), vectors(N_USERS, 2)
    everything = list(range(N_ITEMS))
    found = finder(Halting(items), everything, split).find(torch.arange(N_USERS), torch.as_tensor(queries), 20)
    assert found.tolist() == expected(split, items, queries, set(everything), 20)


def test_the_order_and_the_company_of_users_change_nothing():
    split, items, queries = crowd(), vectors(N_ITEMS, 1), torch.as_tensor(vectors(N_USERS, 2))
    search = finder(Holes(items), list(range(N_ITEMS)), split)
    together = search.find(torch.arange(N_USERS), queries, 15)
    turned = torch.arange(N_USERS - 1, -1, -1)
    assert torch.equal(search.find(turned, queries[turned], 15), together[turned])
    alone = torch.cat([search.find(torch.tensor([user]), queries[user : user + 1], 15) for user in range(N_USERS)])
    assert torch.equal(alone, together)


def test_nobody_has_seen_anything():
    split = make_split([], [], n_users=3, n_items=5)
    found = finder(Holes(np.eye(5)), list(range(5)), split).find(torch.arange(3), torch.eye(5)[:3], 2)
    assert found.tolist() == [[0, 1], [1, 0], [2, 0]]


@pytest.mark.parametrize("name", ["hnsw", "ivf"])
def test_an_approximate_index_finds_the_same_alone_and_in_company(name):
    split, items, queries = crowd(), vectors(N_ITEMS, 1), torch.as_tensor(vectors(N_USERS, 2))
    cls = registry.load("retriever", name)
    retriever = cls(cls.Config())
    retriever.build(items)
    search = finder(retriever, list(range(N_ITEMS)), split)
    together = search.find(torch.arange(N_USERS), queries, 15)
    alone = torch.cat([search.find(torch.tensor([user]), queries[user : user + 1], 15) for user in range(N_USERS)])
    assert torch.equal(alone, together)
