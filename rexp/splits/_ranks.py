"""Ranks of rows within their user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rexp.data.interactions import Interactions
    from rexp.data.types import Array


def ranks_in_user(interactions: Interactions, seed: int | None = None) -> tuple[Array, Array]:
    """The place of every row among its user's rows, and how many the user has.

    Args:
        interactions: sorted by user, then time.
        seed: None ranks in time; a number ranks in a random order drawn with it.

    Returns:
        ranks (N,) int64 from 0, and counts (N,) int64.
    """
    users = interactions.users
    n_rows = len(users)
    counts = np.bincount(users, minlength=1).astype(np.int64) if n_rows else np.zeros(1, np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)])[users]
    ranks = np.arange(n_rows, dtype=np.int64) - starts
    if seed is not None:
        order = np.lexsort((np.random.default_rng(seed).random(n_rows), users))
        shuffled = np.empty_like(ranks)
        shuffled[order] = ranks
        ranks = shuffled
    return ranks, counts[users]
