"""Parts whose scores are written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from rexp.api import Capability, Query

from ..evaluate.helpers import FixedScores, make_split

if TYPE_CHECKING:
    from rexp.data.split import Split

ALL = Query(torch.arange(4))


def split_of(seed: int = 0, n_users: int = 4, n_items: int = 9, *, valid: bool = True) -> Split:
    """Three training items, a validation item and a test item of every user; items 7 and 8 are cold."""
    rng = np.random.default_rng(seed)
    order = [rng.permutation(n_items - 2) for _ in range(n_users)]
    train = [(user, int(item)) for user in range(n_users) for item in order[user][:3]]
    train += [(user, item) for user, item in zip(range(n_users), range(n_items - 2), strict=False)]
    train += [(0, item) for item in range(n_items - 2) if item not in {i for _, i in train}]
    taken = set(train)
    held = [(user, int(item)) for user in range(n_users) for item in order[user][3:5] if (user, int(item)) not in taken]
    return make_split(train, held[1::2], held[::2] if valid else [], n_users=n_users, n_items=n_items)


def table(seed: int, n_users: int = 4, n_items: int = 9) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).normal(size=(n_users, n_items)).astype(np.float32)


def part(scores: Any, *capabilities: Capability) -> FixedScores:
    return FixedScores(torch.as_tensor(scores), *(capabilities or (Capability.SCORES_ALL_ITEMS,)))


def made(model_class: Any, split: Split, parts: list[Any], *, fit: bool = True, **options: Any) -> Any:
    """A hybrid of these parts, as a run makes it."""
    model = model_class(model_class.Config(**options), split.spec)
    model.take_parts(parts)
    model.bind(split)
    if fit:
        model.fit(split, torch.Generator().manual_seed(0))
    return model


def untaken(split: Split) -> np.ndarray[Any, Any]:
    mask = np.ones((split.n_users, split.n_items), bool)
    mask[split.train.users, split.train.items] = False
    return mask
