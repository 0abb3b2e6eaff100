"""Data with a known cause, and built-in models over it."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

import numpy as np
import torch

from rexp.api import Capability, DataSpec, FeatureSpec, Interactions, Split

N_PAIRS = 20
"""Items 2 p and 2 p + 1 are taken together."""
HOURS, DEVICES, CAUSE = 6, 4, 2
"""A row is positive in the hour CAUSE, whoever it is of."""
FEATURES = {
    "context.device": FeatureSpec("context", "category", DEVICES),
    "context.hour": FeatureSpec("context", "category", HOURS),
}


def pairs(n_users: int = 300, seed: int = 0) -> Split:
    """Every user takes four pairs, the first item of a fifth (p = user modulo 20), and two items by chance."""
    chance = np.random.default_rng(seed)
    rows = []
    for user in range(n_users):
        half = user % N_PAIRS
        others = chance.permutation(np.delete(np.arange(N_PAIRS), half))
        whole, rest = others[:4], others[4:]
        taken = [2 * half, *(2 * whole), *(2 * whole + 1), *(2 * rest[:2] + chance.integers(2, size=2))]
        rows += [(user, item) for item in chance.permutation(taken)]
    return in_memory(np.array(rows), n_users, 2 * N_PAIRS)


def hours(n_users: int = 30, n_items: int = 20, rows: int = 60, seed: int = 0) -> Split:
    """Labeled rows in contexts; the last one of each user is positive."""
    chance = np.random.default_rng(seed)
    users = np.repeat(np.arange(n_users), rows)
    hour = chance.integers(1, HOURS, len(users))
    hour[rows - 1 :: rows] = CAUSE
    context = {"context.device": chance.integers(1, DEVICES, len(users)), "context.hour": hour}
    table = np.stack([users, chance.integers(n_items, size=len(users))], 1)
    labels = (hour == CAUSE).astype(np.float32)
    return in_memory(table, n_users, n_items, labels, context)


def in_memory(
    rows: np.ndarray, n_users: int, n_items: int, labels: Any = None, context: dict[str, Any] | None = None
) -> Split:
    """A split whose training part has these rows (N, 2)."""
    train = Interactions(*rows.T.astype(np.int32), labels, context=context or {})
    nothing = train.take(np.zeros(len(train), bool))
    specs = FEATURES if context else {}
    return Split(
        "planted",
        train,
        nothing,
        nothing,
        n_users,
        n_items,
        "f",
        feature_specs=specs,
        labeled=labels is not None,
    )


def model_of(name: str, spec: DataSpec, **options: Any) -> Any:
    """A built-in model, as a run finds it."""
    (entry,) = entry_points(group="rexp.models", name=name)
    plugin = entry.load()
    torch.manual_seed(0)
    return plugin(plugin.Config(**options), spec).eval()


def fitted(name: str, split: Split, **options: Any) -> Any:
    """One with a closed form."""
    model = model_of(name, split.spec, **options)
    if Capability.NEEDS_TRAIN_DATA in model.capabilities():
        model.bind(split)
    model.fit(split, torch.Generator().manual_seed(0))
    return model
