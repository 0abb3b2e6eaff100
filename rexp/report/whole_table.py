"""A table as one text, for a screen that is wide enough: tens of times as fast as laying out every cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from rich.text import Text

from rexp.errors import visible
from rexp.report.cells import cell_with_mark, is_best, is_second
from rexp.report.row_names import row_name

if TYPE_CHECKING:
    from rexp.report.rows import Row
    from rexp.report.tables import Table

GAP = 3
"""Letters between two columns."""


class WholeTable(NamedTuple):
    """The lines of a table, and how many letters wide they are."""

    text: Text
    width: int


def whole_table(table: Table) -> WholeTable | None:
    """The table with all its columns; None where a name has several lines."""
    heads = [visible(name) for name in (*table.keys, *table.counts, *table.columns)]
    lines = [_texts(table, row) for row in table.rows]
    if any("\n" in text for texts in (heads, *lines) for text in texts):
        return None
    widths = [max(map(cell_len, texts)) for texts in zip(heads, *lines, strict=True)]
    named, numbers = len(table.keys), len(table.keys) + len(table.counts)
    blank = " " * (sum(widths) + GAP * (len(widths) - 1) + 2)
    text = Text(blank + "\n")
    _add(text, heads, widths, named, ["bold"] * len(heads))
    text.append(f" {'─' * (len(blank) - 2)} \n")
    for row, texts in zip(table.rows, lines, strict=True):
        _add(text, texts, widths, named, [""] * numbers + [style(table, row, column) for column in table.columns])
    text.append(blank)
    return WholeTable(text, len(blank))


def style(table: Table, row: Row, column: str) -> str:
    """Bold for the best of a column, underlined for the second."""
    return "bold" if is_best(table, row, column) else "underline" if is_second(table, row, column) else ""


def _texts(table: Table, row: Row) -> list[str]:
    names = map(visible, row_name(row))
    counts = map(str, table.counts_of(row))
    return [*names, *counts, *(cell_with_mark(row, column) for column in table.columns)]


def _add(text: Text, texts: list[str], widths: list[int], named: int, styles: list[str]) -> None:
    """A line: names to the left of their columns, numbers to the right."""
    text.append(" ")
    for place, (own, width, its) in enumerate(zip(texts, widths, styles, strict=True)):
        space = " " * (width - cell_len(own))
        left, right = ("", space) if place < named else (space, "")
        gap = " " * GAP if place + 1 < len(texts) else " \n"
        if its:
            text.append(left).append(own, its).append(right + gap)
        else:
            text.append(left + own + right + gap)
