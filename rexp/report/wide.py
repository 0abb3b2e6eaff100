"""A table with every column that its runs have: what a page can show, and pictures can be drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rexp.report.rows import PARTS, Result
from rexp.report.tables import Table, make_tables


def widen(table: Table, results: Sequence[Result]) -> Table:
    """The same rows with the table's own columns first and then all others.

    Args:
        table: see :func:`rexp.report.tables.make_tables`.
        results: those it was made from; others may be among them.
    """
    runs = {run for row in table.rows for run in row.runs}
    own = [result for result in results if result["run_id"] in runs]
    known = dict.fromkeys(
        name
        for part in PARTS
        for result in own
        for name, value in result.get(part, {}).items()
        if isinstance(value, int | float) or value is None
    )
    (wide,) = make_tables(own, table.keys, list(dict.fromkeys([*table.columns, *known])))
    return replace(wide, heading=table.heading, left_out=table.left_out)
