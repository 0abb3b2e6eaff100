"""How long one user waits for recommendations."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

from rexp.evaluate.rank import top_columns
from rexp.evaluate.retrieved import score_candidates

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.evaluate.retrieved import Retrieved
    from rexp.evaluate.scoring import Scorer

WARM_UP = 20
"""Users who are served before the clock is read."""


def latency(source: Retrieved, scorer: Scorer, users: Tensor, k: int, sample: int) -> dict[str, float]:
    """Time retrieval, ranking and both for one user at a time, one after another.

    Retrieval is the user's query and vector, the search, and leaving out seen items; ranking is the scores of the
    candidates and the best k of them.

    Args:
        source: the candidates' source, opened.
        scorer: of the model that ranks.
        users: (E,) int64, of whom some are drawn, always the same.
        k: length of the list.
        sample: how many; 0 measures nothing.

    Returns:
        ``retrieve_p50_ms``, ``retrieve_p95_ms``, and the same of ``rank`` and ``both``, in milliseconds.
    """
    if not sample:
        return {}
    chosen = users[torch.randperm(len(users), generator=torch.Generator().manual_seed(0))[:sample].to(users.device)]
    for user in torch.split(chosen[:WARM_UP], 1):
        _serve(source, scorer, user, k)
    spent = np.array([_serve(source, scorer, user, k) for user in torch.split(chosen, 1)]) * 1e3
    stages = {"retrieve": spent[:, 0], "rank": spent[:, 1], "both": spent.sum(1)}
    return {
        f"{stage}_p{share}_ms": float(np.percentile(times, share))
        for stage, times in stages.items()
        for share in (50, 95)
    }


def _serve(source: Retrieved, scorer: Scorer, user: Tensor, k: int) -> tuple[float, float]:
    """Seconds of retrieval and of ranking."""
    clock = _clock(user.device)
    start = clock()
    candidates = source.candidates(user)
    middle = clock()
    order = torch.arange(candidates.shape[1] - 1, -1, -1, device=user.device).unsqueeze(0)
    top_columns(score_candidates(scorer, user, candidates), k, order)
    return middle - start, clock() - middle


def _clock(device: torch.device) -> Callable[[], float]:
    """Seconds; what a graphics card was given is done by then."""

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    return now
