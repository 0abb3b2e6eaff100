"""Nearest items: sums of similarities, and ratings beside a baseline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rexp.api import Query
from rexp.errors import ConfigError
from rexp.models._neighbors import KNNConfig
from rexp.models._similarity import weighted
from rexp.models.itemknn import ItemKNN
from rexp.nn.sparse import interaction_matrix

from .closed_form import check_closed_form, everyone, fitted, lonely, ones, planted, unseen_of_own_taste
from .helpers import two_tastes


@pytest.mark.parametrize(
    "options",
    [{}, {"weighting": "bm25"}, {"similarity": "pearson", "top_k": 2}, {"predict": "ratings"}],
)
def test_it_is_a_closed_form_model(options: dict[str, Any], tmp_path: Path) -> None:
    check_closed_form(ItemKNN, lonely(), tmp_path, **options)


@pytest.mark.parametrize("similarity", ["cosine", "asymmetric", "jaccard", "dice", "tversky"])
def test_it_learns_the_tastes(similarity: str) -> None:
    split = two_tastes()
    assert unseen_of_own_taste(fitted(ItemKNN, split, similarity=similarity), split) == 1


def test_by_hand() -> None:
    split = planted([(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1), (3, 3)], 4, 4)
    # Items 0, 1, 2 were taken by 2, 3 and 1 users; 0 and 1 together by 2, 0 and 2 by 1, 1 and 2 by 1.
    scores = everyone(fitted(ItemKNN, split), split)
    to_first, to_second = 2 / 6**0.5, 1 / 2**0.5
    torch.testing.assert_close(scores[0], torch.tensor([to_first, to_first, to_second + 1 / 3**0.5, 0]))
    # The nearest item to 2 is 0, to 0 and to 1 each other.
    scores = everyone(fitted(ItemKNN, split, top_k=1), split)
    torch.testing.assert_close(scores[1], torch.tensor([to_first, to_first, to_second, 0]))


def test_weights_count_in_the_comparison_alone() -> None:
    split = two_tastes(n_users=25)
    heavy = weighted(interaction_matrix(split), "bm25").toarray().astype(float)
    length = np.linalg.norm(heavy, axis=0)
    cosine = np.divide(
        heavy.T @ heavy, np.outer(length, length), where=length * length[:, None] > 0, out=np.zeros((31, 31))
    )
    np.fill_diagonal(cosine, 0)
    found = everyone(fitted(ItemKNN, split, weighting="bm25"), split)
    np.testing.assert_allclose(found, ones(split) @ cosine, rtol=1e-5, atol=1e-6)


def ratings_pair_by_pair(split: Any, top_k: int) -> np.ndarray[Any, Any]:
    """mu + b_u + b_i, and the mean difference of the neighbors that the user rated: in loops, from the definition."""
    given = {
        (user, item): float(rating)
        for user, item, rating in zip(split.train.users, split.train.items, split.train.ratings, strict=True)
    }
    mean = sum(given.values()) / len(given)
    of_item = {}
    for item in range(split.n_items):
        own = [rating - mean for (_, i), rating in given.items() if i == item]
        of_item[item] = sum(own) / (len(own) + 25)
    of_user = {}
    for user in range(split.n_users):
        own = [rating - mean - of_item[item] for (u, item), rating in given.items() if u == user]
        of_user[user] = sum(own) / (len(own) + 10)
    columns = np.zeros((split.n_users, split.n_items))
    for place, rating in given.items():
        columns[place] = rating
    length = np.sqrt((columns**2).sum(0))
    alike = np.zeros((split.n_items, split.n_items))
    for i in range(split.n_items):
        for j in range(split.n_items):
            if i != j and length[i] and length[j]:
                alike[i, j] = columns[:, i] @ columns[:, j] / length[i] / length[j]
    expected = np.zeros((split.n_users, split.n_items))
    for user in range(split.n_users):
        for item in range(split.n_items):
            nearest = [j for j in np.argsort(-alike[item], kind="stable")[:top_k] if alike[item, j]]
            rated = [j for j in nearest if (user, j) in given]
            over = sum(alike[item, j] * (given[user, j] - mean - of_user[user] - of_item[j]) for j in rated)
            under = sum(alike[item, j] for j in rated)
            expected[user, item] = mean + of_user[user] + of_item[item] + (over / under if under else 0)
    return expected


@pytest.mark.parametrize("top_k", [1, 2, 100])
def test_ratings_are_the_formula_s(top_k: int) -> None:
    random = np.random.default_rng(0)
    rows = [(user, item) for user in range(14) for item in range(9) if random.random() < 0.6]  # users 14, items 9: none
    split = planted(rows, 15, 10, [0.0, *random.uniform(1, 5, len(rows) - 1).tolist()])
    found = everyone(fitted(ItemKNN, split, predict="ratings", top_k=top_k), split)
    np.testing.assert_allclose(found, ratings_pair_by_pair(split, top_k), rtol=1e-5)


def test_of_an_item_rated_again_the_last_counts() -> None:
    again = planted([(0, 0), (0, 1), (0, 0), (1, 0)], 2, 2, [1, 2, 5, 3])
    once = planted([(0, 0), (0, 1), (1, 0)], 2, 2, [5, 2, 3])
    assert torch.equal(*(everyone(fitted(ItemKNN, split, predict="ratings"), split) for split in (again, once)))


def test_ratings_are_learned() -> None:
    """Two groups rate each other's items 1 and their own 5: the rows left out are predicted within half a star."""
    random = np.random.default_rng(0)
    rows = [(user, item) for user in range(40) for item in range(20) if random.random() < 0.6]
    split = planted(rows, 40, 20, [5.0 if user % 2 == item % 2 else 1.0 for user, item in rows])
    left_out = sorted({(user, item) for user in range(40) for item in range(20)} - set(rows))
    users, items = torch.tensor(left_out).T
    truth = torch.where(users % 2 == items % 2, 5.0, 1.0)
    error = {}
    for predict in ("cosine", "pearson"):
        model = fitted(ItemKNN, split, predict="ratings", similarity=predict, top_k=9)
        error[predict] = (model.score(Query(users), items) - truth).abs().mean().item()
    assert error["pearson"] < 0.5
    assert error["cosine"] < 2  # the baseline's error, which knows no groups


def test_without_ratings_it_says_so() -> None:
    split = planted([(0, 0), (1, 1)], 2, 2)
    for options in ({"similarity": "pearson"}, {"predict": "ratings"}):
        with pytest.raises(ConfigError, match="no ratings"):
            fitted(ItemKNN, split, **options)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"weighting": "bm25", "predict": "ratings"}, "weighting"),
        ({"weighting": "tf_idf", "similarity": "pearson"}, "weighting"),
        ({"item_damping": -1.0}, "item_damping"),
        ({"top_k": 0}, "top_k"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        KNNConfig(**options)
