"""A seeded sample of the users that lists are ranked for, and how far its means may lie from those of all."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch

from rexp.evaluate.counter_rng import random_bits

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.data.types import Array
    from rexp.io.json_types import JsonView

WIDTH = 1.959964
"""Standard deviations to either side of a mean, between which lie 95 of 100 normal ones."""


def draw_users(users: Tensor, n: int, seed: int) -> Tensor:
    """(min(n, A),) ascending: ``n`` of distinct users (A,), by keys that follow from seed and user alone.

    A smaller sample of the same seed is a part of a larger one.
    """
    # Column -1 is no item's and no draw's: what is drawn for a user does not depend on whether it is in the sample.
    keys = random_bits(seed, users, torch.full((1, 1), -1, device=users.device)).squeeze(1)
    chosen: Tensor = users[keys.argsort(stable=True)[:n]].sort().values
    return chosen


def intervals(per_user: Mapping[str, Array], population: int) -> dict[str, tuple[float, float]]:
    """95 % intervals of the means over all users, from the values of those that were drawn without replacement; none
    where fewer than two users have a value.

    The standard error is ``s / sqrt(n) sqrt(1 - n / N)`` (Cochran 1977, Sampling Techniques, equation 2.21).

    Args:
        per_user: (n,) values by metric; users without one (NaN) are left out, and of the population in proportion.
        population: N, users that could have been drawn.
    """
    found = {}
    for name, values in per_user.items():
        known = values[~np.isnan(values)]
        if len(known) > 1:
            error = WIDTH * float(known.std(ddof=1)) * math.sqrt((1 - len(values) / population) / len(known))
            found[name] = (float(known.mean()) - error, float(known.mean()) + error)
    return found


def told(facts: JsonView) -> Iterator[str]:
    """One line on a sample, from an evaluation's facts."""
    if found := facts.get("interval_95"):
        ends = ", ".join(f"{name} {low:.4f} to {high:.4f}" for name, (low, high) in found.items())
        yield f"{facts['n_users_evaluated']:,} of {facts['n_users_drawn_from']:,} users drawn; 95 % intervals: {ends}"
