"""Result of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from rexp.io.json_types import JsonView


@dataclass(frozen=True)
class Evaluation:
    """The measured values and everything needed to say under which rules they were measured.

    Args:
        metrics: full-precision means by name: ``ndcg@10``; on candidates ``ndcg@10|given`` and
            ``ndcg@10|uniform-99-s0``; of two stages ``ndcg@10|two_stage``; ``auc`` on labeled rows.
        per_user: "user" (E,) int64 dense ids, and (E,) float64 of each metric that has a value a user.
        facts: the protocol, its identity ``protocol_id``, and counts: users evaluated and dropped, ties, cold targets;
            plain numbers, texts, lists and dictionaries.
        seconds: wall time.
        costs: what recommending takes, in the protocol two_stage: ``index_bytes``, ``index_build_seconds``, and
            milliseconds at one user a time such as ``retrieve_p50_ms``, ``both_p95_ms``, ``alone_p50_ms``.
    """

    metrics: Mapping[str, float]
    per_user: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    facts: JsonView = field(default_factory=dict)
    seconds: float = 0.0
    costs: Mapping[str, float] = field(default_factory=dict)
