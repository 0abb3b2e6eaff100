"""A row beside its control: the same steps and epochs, without what distils and what prunes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rexp.report.rows import configuration
from rexp.store.index import configuration_of

if TYPE_CHECKING:
    from rexp.report.rows import Result

Mark = tuple[str, Any]
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
    known = {_mark(result, configuration(result)): result for result in results if not result["config"].get("teacher")}
    wanted: dict[str, str] = {}  # by configuration: of thousands of runs, many differ in the seed alone
    for result in results:
        if result.get(PART) and (own := configuration(result)) not in wanted:
            wanted[own] = of_control(result)
    return [_with_control(result, known, wanted, metric) for result in results]


def of_control(result: Result) -> str:
    """The configuration that the control of a result has, as :func:`rexp.report.rows.configuration` gives it."""
    return configuration_of({**result["config"], "teacher": None, "compress": result[PART]})


def _with_control(result: Result, known: Mapping[Mark, Result], wanted: Mapping[str, str], metric: str) -> Result:
    if not result.get(PART):
        return result
    control = known.get(_mark(result, wanted[configuration(result)]))
    value: Any = control["metrics"].get(metric) if control else None
    return {**result, "beside": {column(metric): value}}


def _mark(result: Result, configuration: str) -> Mark:
    """The run of a configuration under the seed of a result."""
    return configuration, result["config"].get("seed")
