"""SVD of ratings, against a loop over the ratings one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rexp.errors import ConfigError
from rexp.models.svd import SVD, SVDConfig, independent

from .closed_form import everyone, fitted, lonely, planted
from .rating_models import by_user, check_rating_model, mean_of, rated, transposed


def one_by_one(split: Any, factors: int, epochs: int, order: str) -> np.ndarray[Any, Any]:
    """(n_users, n_items): Funk's descent as it is written in the books, from the same initial values."""
    generator = torch.Generator().manual_seed(0)
    ratings = by_user(split)
    rows = [(u, i, r) for u, own in sorted(ratings.items()) for i, r in sorted(own.items())]
    users, items = sorted(ratings), sorted(transposed(ratings))
    drawn_p, drawn_q = (
        0.1 * torch.randn(len(ids), factors, generator=generator, dtype=torch.float64).numpy() for ids in (users, items)
    )
    p, q = dict(zip(users, drawn_p, strict=True)), dict(zip(items, drawn_q, strict=True))
    places = torch.randperm(len(rows), generator=generator).tolist() if order == "random" else range(len(rows))
    b_u, b_i = dict.fromkeys(users, 0.0), dict.fromkeys(items, 0.0)
    mean = mean_of(ratings)
    for _ in range(epochs):
        for u, i, r in (rows[place] for place in places):
            error = r - (mean + b_u[u] + b_i[i] + p[u] @ q[i])
            b_u[u] += 0.05 * (error - 0.02 * b_u[u])
            b_i[i] += 0.05 * (error - 0.02 * b_i[i])
            p[u], q[i] = p[u] + 0.05 * (error * q[i] - 0.02 * p[u]), q[i] + 0.05 * (error * p[u] - 0.02 * q[i])
    found = np.full((split.n_users, split.n_items), mean)
    for u in range(split.n_users):
        for i in range(split.n_items):
            found[u, i] += b_u.get(u, 0) + b_i.get(i, 0) + (p[u] @ q[i] if u in p and i in q else 0)
    return found


@pytest.mark.parametrize("order", ["random", "user"])
@pytest.mark.parametrize("split", [lonely(), rated()], ids=["lonely", "rated"])
def test_it_descends_as_one_rating_after_another_does(split: Any, order: str) -> None:
    scores = everyone(fitted(SVD, split, factors=4, epochs=3, lr=0.05, order=order), split)
    np.testing.assert_allclose(scores.numpy(), one_by_one(split, 4, 3, order), rtol=1e-5, atol=1e-5)


def test_one_step_by_hand() -> None:
    """Ratings 4 and 2, each of another user and item: errors 1 and -1 from the mean, without vectors."""
    split = planted([(0, 0), (1, 1)], 2, 2, ratings=[4.0, 2.0])
    scores = everyone(fitted(SVD, split, factors=1, epochs=1, lr=0.1, init_std=0.0), split)
    torch.testing.assert_close(scores, torch.tensor([[3.2, 3.0], [3.0, 2.8]]))


def test_groups_hold_no_user_and_no_item_twice_and_keep_the_order() -> None:
    random = np.random.default_rng(0)
    users, items = random.integers(8, size=200), random.integers(9, size=200)
    groups = independent(users, items)
    assert sorted(np.concatenate(groups).tolist()) == list(range(200))
    group_of = np.empty(200, int)
    for number, rows in enumerate(groups):
        assert len(set(users[rows])) == len(set(items[rows])) == len(rows)
        group_of[rows] = number
    for ids in (users, items):
        for own in range(9):
            assert (np.diff(group_of[ids == own]) > 0).all()


def test_it_is_a_closed_form_model_of_ratings(tmp_path: Path) -> None:
    check_rating_model(SVD, tmp_path, factors=3, epochs=2)
    with pytest.raises(ConfigError, match="has no ratings"):
        fitted(SVD, planted([(0, 0)], 1, 1))


@pytest.mark.parametrize("options", [{"factors": 0}, {"epochs": 0}, {"lr": 0.0}, {"reg": -1.0}, {"init_std": -1.0}])
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        SVDConfig(**options)
