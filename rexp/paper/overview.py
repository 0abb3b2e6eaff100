"""The tables of a study side by side: one line a method, one column a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rexp.paper.page import Grid

if TYPE_CHECKING:
    from rexp.paper.study import Line, Table

LEGEND = (
    "{metric}. †: ahead of the plain row of its table, ↓: behind it, ‡: ahead of its control, each with p < 0.05, "
    "adjusted, as in the tables below."
)
TEACHER = "(teacher)"


def overview(tables: Sequence[Table], metric: str) -> Grid | None:
    """Every method in every table by one metric; None for fewer than two tables with results.

    Args:
        tables: of a study; those that are not ranked, such as the candidates for a teacher, are left out.
        metric: shown in each cell, with the outcome of the tests.
    """
    shown = [table for table in tables if table.group.ranked and any(line.means for line in table.lines)]
    if len(shown) < 2:
        return None
    columns = [{line.row: _cell(line, metric) for line in table.lines if not line.stands_for} for table in shown]
    if any(table.teacher is not None for table in shown):
        for column, table in zip(columns, shown, strict=True):
            column[TEACHER] = _value(table.teacher)
    # Methods in the order of the tables; dict keys keep it and drop repetitions.
    methods = dict.fromkeys(row for column in columns for row in column if row != TEACHER)
    rows = [*methods, *([TEACHER] if TEACHER in columns[0] else [])]
    names = tuple(table.group.name for table in shown)
    lines = tuple((row, *(column.get(row, "-") for column in columns)) for row in rows)
    return Grid(("row", *names), names, lines, heading="Overview", below=(LEGEND.format(metric=metric),))


def _cell(line: Line, metric: str) -> str:
    plain, control = line.against_plain, line.against_control
    marks = ""
    if plain and plain.significant:
        marks += "†" if plain.difference > 0 else "↓"
    if control and control.significant and control.difference > 0:
        marks += "‡"
    return f"{_value((line.means or {}).get(metric))} {marks}".rstrip()


def _value(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
