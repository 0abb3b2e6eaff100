"""A row beside its control: the same steps and epochs, without what distils and what prunes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rexp.report.rows import Result

PART = "control"
"""Of a result: the recipe of its control, as its run has it."""


def column(metric: str) -> str:
    """The column that holds a control's metric.

    >>> column("ndcg@10")
    'control ndcg@10'
    """
    return f"control {metric}"


def with_controls(results: Sequence[Result], metric: str) -> list[Result]:
    """The results, those that have a control with its ``metric`` among their ``beside``.

    Args:
        results: of one protocol on one data set; a control is looked for among them.
        metric: of the table.
    """
    if not any(PART in result for result in results):
        return list(results)
    known = {_mark(result["config"]): result for result in results if not result["config"].get("teacher")}
    return [_with_control(result, known, metric) for result in results]


def _with_control(result: Result, known: Mapping[str, Result], metric: str) -> Result:
    if not (recipe := result.get(PART)):
        return result
    control = known.get(_mark({**result["config"], "teacher": None, "compress": recipe}))
    value: Any = control["metrics"].get(metric) if control else None
    return {**result, "beside": {column(metric): value}}


def _mark(config: Mapping[str, Any]) -> str:
    return json.dumps(config, sort_keys=True)
