"""The best rows of a table: as many as a page can show and a picture can draw."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rexp.metrics.direction import higher_is_better

if TYPE_CHECKING:
    from rexp.report.tables import Table
    from rexp.store.result import RunResult
    from rexp.store.store import Store


def best_rows(table: Table, most: int) -> Table:
    """The table with at most so many rows, in the order that they have: the best by its first metric.

    Rows that are called as baselines are come first, and of equal rows those that stand first in the table; those
    without a value come last.
    """
    metric = first_metric(table)

    def rank(place: int) -> tuple[bool, bool, float]:
        row = table.rows[place]
        mean = math.nan if metric is None else row.cells[metric].mean
        unknown = math.isnan(mean)
        return not row.is_baseline, unknown, 0.0 if unknown or metric is None else _badness(metric, mean)

    kept = sorted(sorted(range(len(table.rows)), key=rank)[:most])
    rows = tuple(table.rows[place] for place in kept)
    return replace(table, rows=rows, n_hidden=table.n_hidden + len(table.rows) - len(rows))


def first_metric(table: Table) -> str | None:
    """The first column of which the direction is known."""
    return next((column for column in table.columns if higher_is_better(column) is not None), None)


def with_whole_runs(results: Sequence[RunResult], tables: Iterable[Table], store: Store) -> list[RunResult]:
    """The results, those of the tables' rows whole: pages and pictures show what summaries are without.

    Args:
        results: summaries (:meth:`rexp.store.store.Store.summaries`).
        tables: made from them.
        store: where they lie.
    """
    shown = {run for table in tables for row in table.rows for run in row.runs}
    whole = {result.run_id: result for result in store.runs(shown)}
    return [whole.get(result.run_id, result) for result in results]


def _badness(metric: str, mean: float) -> float:
    return -mean if higher_is_better(metric) else mean
