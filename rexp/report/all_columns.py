"""A table with every column that its runs have: what a page can show, and pictures can be drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rexp.report import control
from rexp.report.rows import PARTS
from rexp.report.tables import Table, one_table

if TYPE_CHECKING:
    from rexp.store.result import RunResult


def all_columns(table: Table, results: Sequence[RunResult]) -> Table:
    """The same rows with the table's own columns first and then all others.

    Args:
        table: see :func:`rexp.report.tables.make_tables`.
        results: those it was made from; others may be among them.
    """
    runs = {run for row in table.rows for run in row.runs}
    own = [result for result in results if result.run_id in runs]
    known = dict.fromkeys(
        name
        for part in PARTS
        for result in own
        for name, value in result.content.get(part, {}).items()
        if isinstance(value, int | float) or value is None
    )
    # A table puts the column of its controls in itself.
    columns = [
        column for column in dict.fromkeys([*table.columns, *known]) if not column.startswith(control.column(""))
    ]
    wide = one_table(own, table.keys, columns)
    compared = {row.runs: row for row in table.rows}
    rows = tuple(
        replace(row, comparisons=compared[row.runs].comparisons, is_baseline=compared[row.runs].is_baseline)
        for row in wide.rows
    )
    kept = {key: getattr(table, key) for key in ("heading", "left_out", "n_hidden", "baseline", "test")}
    return replace(wide, rows=rows, **kept)
