"""Nearest users: whose items count, and ratings beside a baseline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rexp.models.userknn import UserKNN

from .closed_form import check_closed_form, everyone, fitted, lonely, ones, planted, unseen_of_own_taste
from .helpers import two_tastes


@pytest.mark.parametrize(
    "options",
    [{}, {"weighting": "tf_idf"}, {"similarity": "pearson", "reverse": False}, {"predict": "ratings"}],
)
def test_it_is_a_closed_form_model(options: dict[str, Any], tmp_path: Path) -> None:
    check_closed_form(UserKNN, lonely(), tmp_path, **options)


@pytest.mark.parametrize("similarity", ["cosine", "asymmetric", "jaccard"])
@pytest.mark.parametrize("reverse", [True, False])
def test_it_learns_the_tastes(similarity: str, reverse: bool) -> None:
    split = two_tastes()
    model = fitted(UserKNN, split, similarity=similarity, reverse=reverse, top_k=10)
    assert unseen_of_own_taste(model, split) == 1


def test_whose_neighbors_count() -> None:
    """User 1 is the nearest of users 0 and 2; the nearest of user 1 is user 0."""
    split = planted([(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 2), (2, 3)], 3, 4)
    near, far = 2 / 6**0.5, 1 / 6**0.5
    own = everyone(fitted(UserKNN, split, top_k=1, reverse=False), split)
    torch.testing.assert_close(own, torch.tensor([[near, near, near, 0], [near, near, 0, 0], [far, far, far, 0]]))
    of_others = everyone(fitted(UserKNN, split, top_k=1), split)
    torch.testing.assert_close(of_others, torch.tensor([[near, near, near, 0], [near, near, far, far], [0, 0, 0, 0]]))


@pytest.mark.parametrize("reverse", [True, False])
def test_against_a_dense_computation(reverse: bool) -> None:
    split, a = two_tastes(n_users=25), 0.2
    taken = ones(split)
    common = taken @ taken.T
    sizes = taken.sum(1)
    kept = np.zeros((25, 25))
    for user in range(25):  # kept[v, user]: v is a neighbor of user
        alike = common[user] / (sizes[user] ** a * sizes ** (1 - a) + 2)
        alike[user] = 0
        kept[:, user] = alike
    expected = (kept if reverse else kept.T) @ taken
    options: dict[str, Any] = {"similarity": "asymmetric", "asymmetric_alpha": a, "shrink": 2.0}
    found = everyone(fitted(UserKNN, split, reverse=reverse, **options), split)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_ratings_by_hand() -> None:
    """Without damping: mu = 3, no item differs from it (2 and 4, 4 and 2), so no user does."""
    split = planted([(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)], 3, 2, [2, 4, 4, 2, 3])
    options: dict[str, Any] = {"predict": "ratings", "item_damping": 0.0, "user_damping": 0.0}
    model = fitted(UserKNN, split, **options)
    # Cosines: 0 and 1 16 / 20, 0 and 2 2 / sqrt 20, 1 and 2 4 / sqrt 20; differences -1 1, 1 -1 and 0.
    first, second = 2 / 20**0.5, 4 / 20**0.5
    expected = torch.tensor(
        [
            [3 + 0.8 / (0.8 + first), 3 - 1.0],
            [3 - 0.8 / (0.8 + second), 3 + 1.0],
            [3 + (second - first) / (first + second), 3 + (first - second) / (first + second)],
        ]
    )
    torch.testing.assert_close(everyone(model, split), expected)


def test_ratings_come_from_one_s_own_neighbors() -> None:
    """User 2's nearest is user 1, whose nearest is user 0."""
    split = planted([(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 2)], 3, 3, [1, 5, 1, 5, 2, 3])
    model = fitted(UserKNN, split, predict="ratings", top_k=1)
    scores, baseline = everyone(model, split), model.ratings.baseline(torch.arange(3))
    assert (scores != baseline).tolist() == [[True, True, True], [True, True, False], [True, True, True]]
