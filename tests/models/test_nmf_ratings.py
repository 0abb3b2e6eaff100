"""NMF of ratings, against sums over one rating after another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rexp.errors import ConfigError
from rexp.models.nmf_ratings import NMFRatings, NMFRatingsConfig

from .closed_form import everyone, fitted, lonely, planted
from .rating_models import by_user, check_rating_model, mean_of, rated, transposed


def one_by_one(split: Any, factors: int, epochs: int) -> np.ndarray[Any, Any]:
    """(n_users, n_items): the updates written out, from the same initial values."""
    generator = torch.Generator().manual_seed(0)
    p, q = (
        (0.5 + 1.0 * torch.rand(n, factors, generator=generator, dtype=torch.float64)).tolist()
        for n in (split.n_users, split.n_items)
    )
    users = by_user(split)
    items = transposed(users)

    def updated(one: Any, other: Any, ratings: Any, reg: float) -> Any:
        found = [list(row) for row in one]
        for a, own in ratings.items():
            for f in range(factors):
                top = sum(other[b][f] * r for b, r in own.items())
                bottom = sum(other[b][f] * np.dot(one[a], other[b]) + reg * one[a][f] for b in own)
                found[a][f] *= top / bottom
        return found

    for _ in range(epochs):
        p, q = updated(p, q, users, 0.1), updated(q, p, items, 0.2)
    found = np.full((split.n_users, split.n_items), mean_of(users))
    for u in users:
        for i in items:
            found[u, i] = np.dot(p[u], q[i])
    return found


@pytest.mark.parametrize("split", [lonely(), rated()], ids=["lonely", "rated"])
def test_updates_are_those_written_out(split: Any) -> None:
    options = {"factors": 3, "epochs": 4, "user_reg": 0.1, "item_reg": 0.2, "init_low": 0.5, "init_high": 1.5}
    model = fitted(NMFRatings, split, **options)
    np.testing.assert_allclose(everyone(model, split).numpy(), one_by_one(split, 3, 4), rtol=1e-5, atol=1e-5)
    assert (model.users[:, :3] >= 0).all()
    assert (model.items[:, :3] >= 0).all()


def test_one_update_by_hand() -> None:
    """p = q = 1, rating 4: both are multiplied by 4 / (1 + .25)."""
    split = planted([(0, 0)], 1, 1, ratings=[4.0])
    options = {"user_reg": 0.25, "item_reg": 0.25, "init_low": 1.0, "init_high": 1.0 + 1e-9}
    scores = everyone(fitted(NMFRatings, split, factors=1, epochs=1, **options), split)
    torch.testing.assert_close(scores, torch.tensor([[3.2**2]]))


def test_it_is_a_closed_form_model_of_ratings(tmp_path: Path) -> None:
    check_rating_model(NMFRatings, tmp_path, factors=3, epochs=2)
    with pytest.raises(ConfigError, match="has no ratings"):
        fitted(NMFRatings, planted([(0, 0)], 1, 1))


@pytest.mark.parametrize(
    "options",
    [{"factors": 0}, {"epochs": 0}, {"user_reg": -1.0}, {"item_reg": -1.0}, {"init_low": -1.0}, {"init_high": 0.0}],
)
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        NMFRatingsConfig(**options)
