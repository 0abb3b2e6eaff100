"""Latency of scoring one user's candidates."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.api import Query
    from rexp.evaluate.scoring import Scorer

WARM_UP = 10
"""Requests of each size before the clock is read."""
DISTINCT = 64
"""Requests of each size; they take turns, so that no user's row stays in the nearest cache."""
SECONDS = 2.0
"""A size that has taken as long ends after at least ``FEWEST`` requests."""
FEWEST = 20
SHARES = (10, 50, 95)


@dataclass(frozen=True)
class Request:
    """One user and his candidates.

    Args:
        query: of one user.
        items: (1, K) int64.
    """

    query: Query
    items: Tensor


def requests(scorer: Scorer, candidates: Sequence[int]) -> dict[int, list[Request]]:
    """Requests by their number of candidates: users and items drawn uniformly, always the same.

    Args:
        scorer: gives the queries; its model is on the CPU.
        candidates: items of a request; one of them may be drawn twice.
    """
    generator = torch.Generator().manual_seed(0)
    split = scorer.split
    users = torch.randint(split.n_users, (DISTINCT,), generator=generator)
    queries = [scorer.query(user) for user in torch.split(users, 1)]
    return {
        n: [Request(query, torch.randint(split.n_items, (1, n), generator=generator)) for query in queries]
        for n in candidates
    }


def latencies(
    score: Callable[[Request], object], asked: Mapping[int, Sequence[Request]], repeats: int
) -> dict[str, float]:
    """Time requests one after another, those of all sizes in turn.

    Args:
        score: what is timed.
        asked: see :func:`requests`.
        repeats: requests of each size that are timed, fewer where they are slow.

    Returns:
        ``score_<K>_p10_ms``, ``..._p50_ms`` and ``..._p95_ms`` for K candidates, in milliseconds.
    """
    spent: dict[int, list[float]] = {n: [] for n in asked}
    for place in range(-WARM_UP, repeats):
        for n, chosen in asked.items():
            if len(spent[n]) >= FEWEST and sum(spent[n]) > SECONDS:
                continue
            request = chosen[place % len(chosen)]
            start = time.perf_counter()
            score(request)
            if place >= 0:
                spent[n].append(time.perf_counter() - start)
    return {
        f"score_{n}_p{share}_ms": float(np.percentile(times, share)) * 1e3
        for n, times in spent.items()
        for share in SHARES
    }
