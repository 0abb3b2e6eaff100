"""Recommendations and their reasons for the HTML page, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rexp.api import Explanation
    from rexp.io.json_types import Json
    from rexp.store.result import RunResult

REASONS = 5
"""Of a recommendation, that are drawn; of the others the sum."""


def explanation_contents(result: RunResult, explanations: Sequence[Explanation]) -> Json:
    """The lists of one run, each with its reasons.

    Args:
        result: the run's.
        explanations: of its recommendations, user by user, the best first.
    """
    lists = groupby(explanations, key=lambda one: one.user)
    return {
        "run": result.run_id,
        "name": " ".join(
            f"{key}={result.labels[key]}" for key in ("data", "model", "compress") if key in result.labels
        ),
        "method": ", ".join(dict.fromkeys(one.method for one in explanations)),
        "lists": [{"user": user, "items": [_item(one) for one in found]} for user, found in lists],
    }


def _item(explanation: Explanation) -> Json:
    rest = explanation.reasons[REASONS:]
    return {
        "name": f"{explanation.item} ({explanation.title})" if explanation.title else explanation.item,
        "score": explanation.score,
        "reasons": [[reason.label, reason.value] for reason in explanation.reasons[:REASONS]],
        "rest": [len(rest), sum(reason.value for reason in rest)],
    }
