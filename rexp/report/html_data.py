"""Data of a table for the HTML page, as plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rexp.metrics.direction import higher_is_better
from rexp.report.all_columns import all_columns
from rexp.report.best_rows import first_metric
from rexp.report.cells import cell_with_mark, footnotes, is_best
from rexp.report.plots.buckets import Buckets, by_activity, by_popularity
from rexp.report.plots.curves import learning_curves
from rexp.report.plots.draw_all import COSTS
from rexp.report.plots.gaps import COLOURS, gaps
from rexp.report.plots.reliability import KINDS, kinds_of, reliability_curves
from rexp.report.plots.retrieval import columns_of, sweeps
from rexp.report.row_names import short_differences, short_names
from rexp.report.rows import Cell, value
from rexp.store.identity import plain

if TYPE_CHECKING:
    from rexp.io.json_types import Json
    from rexp.report.rows import Row
    from rexp.report.tables import Table
    from rexp.store.result import RunResult
    from rexp.store.store import Store


def table_contents(table: Table, results: Sequence[RunResult], store: Store) -> Json:
    """One table with its rows' configurations and curves, and what its pictures show.

    Args:
        table: its columns are those that are shown at first.
        results: all finished runs of the store.
        store: where they lie.
    """
    wide = all_columns(table, results)
    known = {result.run_id: result for result in results}
    parts = table.heading.split(" · ")
    costs = {name for result in results for name in result.cost}
    names = zip(short_names(wide.rows), short_differences(wide.rows), strict=True)
    return {
        "title": " · ".join(parts[:2]),
        "rules": " · ".join(parts[2:]),
        "notes": list(footnotes(table)),
        "keys": list(table.keys),
        "columns": [_column(name, name in table.columns, name in costs) for name in wide.columns],
        "rows": [
            _row(wide, row, name, difference, known, store)
            for row, (name, difference) in zip(wide.rows, names, strict=True)
        ],
        "pictures": _pictures(wide, results, store),
    }


def _column(name: str, shown: bool, is_cost: bool) -> Json:
    return {"name": name, "shown": shown, "cost": is_cost, "higher": False if is_cost else higher_is_better(name)}


def _row(
    table: Table, row: Row, name: str, difference: Sequence[str], known: Mapping[str, RunResult], store: Store
) -> Json:
    runs = [known[run] for run in row.runs]
    config = {key: node for key, node in runs[0].config.items() if key != "seed"}
    curves = learning_curves(row.runs, store)
    return {
        "name": name,
        "labels": list(row.labels),
        "difference": list(difference),
        "runs": [
            {
                "id": run.run_id,
                "seed": run.seed,
                "fold": run.fold if row.folds else None,
                "values": [_number(value(run, column)) for column in table.columns],
            }
            for run in runs
        ],
        "cells": [
            [cell_with_mark(row, column), *_cell(row.cells[column]), is_best(table, row, column)]
            for column in table.columns
        ],
        "config": plain(config, undefined_as_none=True),
        "curves": {
            column: [list(curve.epochs), *map(list, zip(*map(_cell, curve.cells), strict=True))]
            for column, curve in curves.items()
        },
    }


def _pictures(table: Table, results: Sequence[RunResult], store: Store) -> Json:
    """What is known for each; a picture that cannot be drawn is absent."""
    metric = first_metric(table)
    if metric is None:
        return {}
    pictures: Json = {"metric": metric}
    if costs := [cost for cost in COSTS if cost in table.columns]:
        pictures["cost"] = costs[0]
    buckets = (by_activity(table, store, metric), by_popularity(table, results, metric))
    pictures["buckets"] = [_buckets(one) for one in buckets if one is not None]
    pictures["gaps"] = [
        {"row": gap.place, "bars": {name: _cell(getattr(gap, name)) for name in COLOURS}}
        for gap in gaps(table, results, metric)
    ]
    pictures["retrieval"] = {
        "columns": columns_of(table),
        "sweeps": [
            {"name": sweep.name, "rows": list(sweep.places), "candidates": list(sweep.n_candidates)}
            for sweep in sweeps(table, results)
        ],
    }
    curves = reliability_curves(table, results)
    pictures["reliability"] = {
        "kinds": [KINDS[kind] for kind in kinds_of(curves)],
        "rows": [
            {
                "row": curve.place,
                "bins": {KINDS[kind]: [[*map(_number, one)] for one in curve.bins[kind]] for kind in curve.bins},
            }
            for curve in curves
        ],
    }
    return pictures


def _buckets(buckets: Buckets) -> Json:
    bars = [{"row": place, "cells": list(map(_cell, cells))} for place, cells in buckets.cells.items()]
    return {"title": buckets.title, "names": list(buckets.names), "rows": bars}


def _cell(cell: Cell) -> list[float | None]:
    return [_number(cell.mean), _number(cell.sd)]


def _number(number: float | None) -> float | None:
    """Seven digits are more than a screen shows."""
    return None if number is None or not math.isfinite(number) else float(f"{number:.7g}")
