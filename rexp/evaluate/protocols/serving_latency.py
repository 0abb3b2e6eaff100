"""Per-request latency of retrieval and ranking."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

from rexp.evaluate.protocols.candidate_sources import FullCatalog
from rexp.evaluate.protocols.retrieved_candidates import score_candidates
from rexp.evaluate.topk import stable_topk

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.evaluate.protocols.retrieved_candidates import RetrievedCandidates
    from rexp.evaluate.scoring import Scorer

WARM_UP = 20
"""Users who are served before the clock is read."""


def latency(source: RetrievedCandidates, scorer: Scorer, users: Tensor, k: int, sample: int) -> dict[str, float]:
    """Time retrieval, ranking, both, and the ranking model alone, for one user at a time, one after another.

    Retrieval is the user's query and vector, the search, and leaving out seen items; ranking is the scores of the
    candidates and the best k of them. Alone, the ranking model scores the whole catalogue and leaves out seen items.

    Args:
        source: the candidates' source, opened.
        scorer: of the model that ranks.
        users: (E,) int64, of whom some are drawn, always the same.
        k: length of the list.
        sample: how many; 0 measures nothing.

    Returns:
        ``retrieve_p50_ms``, ``retrieve_p95_ms``, and the same of ``rank``, ``both`` and ``alone``, in milliseconds.
    """
    if not sample:
        return {}
    chosen = users[torch.randperm(len(users), generator=torch.Generator().manual_seed(0))[:sample].to(users.device)]
    whole = _catalogue(source, scorer.block_bytes)
    for user in torch.split(chosen[:WARM_UP], 1):
        _serve(source, scorer, user, k)
        _serve_alone(whole, scorer, user, k)
    spent = np.array([_serve(source, scorer, user, k) for user in torch.split(chosen, 1)]) * 1e3
    alone = np.array([_serve_alone(whole, scorer, user, k) for user in torch.split(chosen, 1)]) * 1e3
    stages = {"retrieve": spent[:, 0], "rank": spent[:, 1], "both": spent.sum(1), "alone": alone}
    return {
        f"{stage}_p{share}_ms": float(np.percentile(times, share))
        for stage, times in stages.items()
        for share in (50, 95)
    }


def _serve(source: RetrievedCandidates, scorer: Scorer, user: Tensor, k: int) -> tuple[float, float]:
    """Seconds of retrieval and of ranking."""
    clock = _clock(user.device)
    start = clock()
    candidates = source.candidates(user)
    middle = clock()
    order = torch.arange(candidates.shape[1] - 1, -1, -1, device=user.device).unsqueeze(0)
    stable_topk(score_candidates(scorer, user, candidates), k, order)
    return middle - start, clock() - middle


def _catalogue(source: RetrievedCandidates, block_bytes: int) -> FullCatalog:
    """What the index holds, to be ranked without it."""
    outside = torch.ones(source.mask.n_items, dtype=torch.bool, device=source.catalogue.device)
    outside[source.catalogue] = False
    return FullCatalog(source.mask, outside.nonzero().squeeze(1), block_bytes)


def _serve_alone(whole: FullCatalog, scorer: Scorer, user: Tensor, k: int) -> float:
    """Seconds of one user's list without a first stage."""
    clock = _clock(user.device)
    start = clock()
    scores, _ = whole.scores(scorer, user)
    order = torch.arange(scores.shape[1] - 1, -1, -1, device=user.device).unsqueeze(0)
    stable_topk(scores, k, order)
    return clock() - start


def _clock(device: torch.device) -> Callable[[], float]:
    """Seconds; what a graphics card was given is done by then."""

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    return now
