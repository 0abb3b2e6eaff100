"""What every test of a model of ratings needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from rexp.api import Capability

from .closed_form import built, fitted, lonely, planted
from .helpers import check_capabilities

if TYPE_CHECKING:
    from rexp.data.split import Split

Ratings = dict[int, dict[int, float]]


def rated(n_users: int = 14, n_items: int = 11, share: float = 0.5) -> Split:
    """Random ratings 1-5; the last user rates nothing, and nobody the last item."""
    random = np.random.default_rng(0)
    rows = [(u, i) for u in range(n_users - 1) for i in range(n_items - 1) if random.random() < share]
    return planted(rows, n_users, n_items, ratings=random.integers(1, 6, len(rows)).tolist())


def by_user(split: Split) -> Ratings:
    """The training ratings: of each user, by item."""
    found: Ratings = {}
    assert split.train.ratings is not None
    columns = (split.train.users.tolist(), split.train.items.tolist(), split.train.ratings.tolist())
    for user, item, rating in zip(*columns, strict=True):
        found.setdefault(user, {})[item] = rating
    return found


def transposed(ratings: Ratings) -> Ratings:
    """Of each item, by user."""
    found: Ratings = {}
    for user, own in ratings.items():
        for item, rating in own.items():
            found.setdefault(item, {})[user] = rating
    return found


def mean_of(ratings: Ratings) -> float:
    return float(np.mean([rating for own in ratings.values() for rating in own.values()]))


def check_rating_model(model_class: Any, folder: Path, **options: Any) -> None:
    """It predicts ratings, every way to score agrees, nobody gets NaN, and a stored model scores the same."""
    split = lonely()
    model = fitted(model_class, split, **options)
    assert {Capability.CLOSED_FORM, Capability.PREDICTS_RATINGS} <= model.capabilities()
    scores = check_capabilities(model, split.spec)
    assert scores.isfinite().all()
    again = built(model_class, split, **options)
    save_file(model.state_dict(), folder / "weights.safetensors")
    again.load_state_dict(load_file(folder / "weights.safetensors"))
    assert torch.equal(check_capabilities(again, split.spec), scores)
    assert torch.equal(check_capabilities(fitted(model_class, split, **options), split.spec), scores)
