"""What every test of a model without training needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from rexp.api import Capability, Query
from rexp.data.interactions import Interactions
from rexp.data.split import Split

from .helpers import check_capabilities

EVERYTHING = {Capability.CLOSED_FORM, Capability.SCORES_ALL_ITEMS, Capability.NEEDS_TRAIN_DATA}


def planted(rows: list[tuple[int, int]], n_users: int, n_items: int, ratings: list[float] | None = None) -> Split:
    """A split whose training part are these (user, item), in the order of the users."""
    users, items = np.array(rows, np.int32).T
    train = Interactions(users, items, None if ratings is None else np.array(ratings, np.float32))
    nothing = train.take(np.zeros(len(train), bool))
    return Split("planted", train, nothing, nothing, n_users, n_items, fingerprint="planted")


def built(model_class: Any, split: Split, **options: Any) -> Any:
    """The model, not fitted, with the training part before it where it reads that."""
    model = model_class(model_class.Config(**options), split.spec)
    if Capability.NEEDS_TRAIN_DATA in model.capabilities():
        model.bind(split)
    return model


def fitted(model_class: Any, split: Split, seed: int = 0, **options: Any) -> Any:
    """The model, fitted."""
    model = built(model_class, split, **options)
    model.fit(split, torch.Generator().manual_seed(seed))
    return model


def everyone(model: Any, split: Split) -> Tensor:
    """(n_users, n_items) scores."""
    scores: Tensor = model.score_all(Query(torch.arange(split.n_users)))
    return scores


def ones(split: Split) -> np.ndarray[Any, Any]:
    """(n_users, n_items) float64: 1 where the user took the item."""
    matrix = np.zeros((split.n_users, split.n_items))
    matrix[split.train.users, split.train.items] = 1
    return matrix


def check_closed_form(model_class: Any, split: Split, folder: Path, **options: Any) -> None:
    """It states what it can do, every way to score agrees, nobody gets NaN, and a stored model scores the same."""
    model = fitted(model_class, split, **options)
    assert model.capabilities() - {Capability.PREDICTS_RATINGS} == EVERYTHING
    assert (Capability.PREDICTS_RATINGS in model.capabilities()) == (options.get("predict") == "ratings")
    assert check_capabilities(model, split.spec).isfinite().all()
    scores = everyone(model, split)
    assert torch.equal(everyone(fitted(model_class, split, **options), split), scores)
    save_file(model.state_dict(), folder / "weights.safetensors")
    again = built(model_class, split, **options)
    assert not torch.equal(everyone(again, split), scores)
    again.load_state_dict(load_file(folder / "weights.safetensors"))
    assert torch.equal(everyone(again, split), scores)


def unseen_of_own_taste(model: Any, split: Split) -> float:
    """Of ``two_tastes``: the share of users whose best item among those they did not take is of their taste."""
    scores = everyone(model, split).masked_fill(torch.from_numpy(ones(split)) > 0, -torch.inf)
    of_even = scores.argmax(1) < split.n_items // 2
    return (of_even == (torch.arange(split.n_users) % 2 == 0)).double().mean().item()


def lonely() -> Split:
    """Users 0-3 take items 0-3; user 4 took nothing, item 4 was taken by nobody, item 5 by user 3 alone."""
    rows = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 2), (3, 3), (3, 5)]
    return planted(rows, 5, 6, [5, 3, 4, 2, 1, 4, 5, 0, 3, 4, 2])
