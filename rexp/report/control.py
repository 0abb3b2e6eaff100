"""Controls: the same steps and epochs without distillation and pruning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rexp.store.index import configuration_of

if TYPE_CHECKING:
    from rexp.store.result import RunResult

Mark = tuple[str, int]


def column(metric: str) -> str:
    """The column that holds a control's metric.

    >>> column("ndcg@10")
    'control ndcg@10'
    """
    return f"control {metric}"


def with_controls(results: Sequence[RunResult], metric: str) -> list[RunResult]:
    """The results, those that have a control with its ``metric`` among their ``beside``.

    Args:
        results: of one protocol on one data set; a control is looked for among them.
        metric: of the table.
    """
    if not any(result.control for result in results):
        return list(results)
    known = {_mark(result, result.configuration): result for result in results if not result.config.get("teacher")}
    wanted: dict[str, str] = {}  # by configuration: of thousands of runs, many differ in the seed alone
    for result in results:
        if result.control and (own := result.configuration) not in wanted:
            wanted[own] = of_control(result)
    return [_with_control(result, known, wanted, metric) for result in results]


def of_control(result: RunResult) -> str:
    """The configuration that the control of a result has, as ``RunResult.configuration`` gives it."""
    return configuration_of({**result.config, "teacher": None, "compress": result.control})


def _with_control(
    result: RunResult, known: Mapping[Mark, RunResult], wanted: Mapping[str, str], metric: str
) -> RunResult:
    if not result.control:
        return result
    control = known.get(_mark(result, wanted[result.configuration]))
    value = control.metrics.get(metric) if control else None
    return replace(
        result, content={**result.content, "configuration": result.configuration, "beside": {column(metric): value}}
    )


def _mark(result: RunResult, configuration: str) -> Mark:
    """The run of a configuration under the seed of a result."""
    return configuration, result.seed
