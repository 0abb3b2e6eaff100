"""Splits in memory with chosen training pairs."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rexp.data.interactions import Interactions
from rexp.data.split import Split


def split_of(pairs: list[tuple[int, int]], n_users: int, n_items: int) -> Split:
    """A split with these (user, item) training pairs, sorted by user, and nothing else."""
    ordered = np.array(sorted(pairs), np.int32).reshape(-1, 2)
    train = Interactions(ordered[:, 0].copy(), ordered[:, 1].copy())
    nothing = train.take(np.zeros(len(train), bool))
    return Split("planted", train, nothing, nothing, n_users, n_items, fingerprint="planted")


def random_split(n_users: int = 50, n_items: int = 40, seed: int = 0) -> Split:
    """Users with 1 to 25 random items; every third has all but two, so that rejection has work to do."""
    random = np.random.default_rng(seed)
    pairs = []
    for user in range(n_users):
        size = n_items - 2 if user % 3 == 0 else random.integers(1, 26)
        pairs += [(user, int(item)) for item in random.permutation(n_items)[:size]]
    return split_of(pairs, n_users, n_items)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def chi_square(counts: Tensor, expected: Tensor) -> float:
    """Pearson's statistic; where nothing is expected, nothing may be counted."""
    assert not counts[expected == 0].any()
    possible = expected > 0
    return float(((counts[possible] - expected[possible]) ** 2 / expected[possible]).sum())
