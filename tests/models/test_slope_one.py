"""Slope One, by hand and against loops over pairs of items."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rexp.models.slope_one import SlopeOne

from .closed_form import everyone, fitted, lonely, planted
from .rating_models import Ratings, by_user, check_rating_model, mean_of, rated, transposed


def test_the_example_of_the_authors() -> None:
    """Lemire and Maclachlan, figure 1: A rates I 1 and J 1.5, B rates I 2, so B rates J 2 + .5."""
    split = planted([(0, 0), (0, 1), (1, 0)], 2, 2, ratings=[1.0, 1.5, 2.0])
    for weighted in (False, True):
        assert everyone(fitted(SlopeOne, split, weighted=weighted), split)[1, 1].item() == 2.5


def test_weights_are_the_numbers_of_common_users() -> None:
    """dev(2, 0) = (4 - 2 + 5 - 1) / 2 = 3 by two users, dev(2, 1) = 4 - 3 = 1 by one; user 2 rates them 1 and 2."""
    rows = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]
    split = planted(rows, 3, 3, ratings=[2.0, 3.0, 4.0, 1.0, 5.0, 1.0, 2.0])
    plain, weighted = (everyone(fitted(SlopeOne, split, weighted=flag), split)[2, 2] for flag in (False, True))
    torch.testing.assert_close(plain, torch.tensor(1.5 + (3 + 1) / 2))
    torch.testing.assert_close(weighted, torch.tensor((2 * (3 + 1) + 1 * (1 + 2)) / 3))


def written_out(users: Ratings, u: int, i: int, weighted: bool) -> float:
    items = transposed(users)
    if u not in users or i not in items:
        return mean_of(users)
    differences, counts, ratings = [], [], []
    for j, rating in users[u].items():
        both = [own for own in users.values() if i in own and j in own]
        if j != i and both:
            differences.append(np.mean([own[i] - own[j] for own in both]))
            counts.append(len(both))
            ratings.append(rating)
    mean = float(np.mean(list(users[u].values())))
    if not counts:
        return mean
    if weighted:
        return float(np.average(np.add(differences, ratings), weights=counts))
    return mean + float(np.mean(differences))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("split", [lonely(), rated()], ids=["lonely", "rated"])
def test_it_is_what_the_paper_writes(split: Any, weighted: bool) -> None:
    ratings = by_user(split)
    wanted = [[written_out(ratings, u, i, weighted) for i in range(split.n_items)] for u in range(split.n_users)]
    scores = everyone(fitted(SlopeOne, split, weighted=weighted), split)
    np.testing.assert_allclose(scores.numpy(), wanted, rtol=1e-5, atol=1e-5)


def test_it_is_a_closed_form_model_of_ratings(tmp_path: Path) -> None:
    check_rating_model(SlopeOne, tmp_path)
