"""Random numbers that follow from (seed, epoch, rank) alone, so that a resumed epoch draws what it would have drawn."""

from __future__ import annotations

import random

import numpy as np
import torch


def derived_seed(seed: int, *path: int) -> int:
    """A 63-bit seed for one use of a run's seed; different paths give unrelated seeds."""
    state = np.random.SeedSequence([abs(seed), int(seed < 0), *path]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def seed_everything(seed: int) -> None:
    """Seed the generators that a process has once: torch's, from which layers and dropout draw, and numpy's and
    Python's, from which plugins may."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    random.seed(seed)


def generator(seed: int, *path: int) -> torch.Generator:
    """A generator of its own for one use of a run's seed."""
    return torch.Generator().manual_seed(derived_seed(seed, *path))
