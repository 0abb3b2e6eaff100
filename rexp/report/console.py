"""Tables on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.measure import Measurement
from rich.table import Table as Grid

from rexp.io.terminal import UNBOUNDED, Screen, styled
from rexp.report.cells import cell_with_mark, footnotes
from rexp.report.row_names import row_name
from rexp.report.tables import Table, make_tables
from rexp.report.whole_table import GAP, style, whole_table

if TYPE_CHECKING:
    from rich.console import Console

    from rexp.store.result import RunResult


def render_table(
    results: Sequence[RunResult],
    *,
    keys: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    console: Console | None = None,
) -> None:
    """Print the table, or tables, of these results; see :func:`rexp.report.tables.make_tables`."""
    print_tables(make_tables(results, keys, columns), console)


def print_tables(tables: Sequence[Table], console: Console | None = None) -> None:
    """Print tables.

    Args:
        tables: to be shown.
        console: where to; by default standard output, whole lines where that is no terminal.
    """
    console = console or Screen()
    for table in tables:
        _print(table, console)


def _print(table: Table, console: Console) -> None:
    console.print(styled(table.heading, "bold"), soft_wrap=True)
    shown = list(table.columns)
    if (whole := whole_table(table)) and whole.width <= console.width:
        console.print(whole.text, soft_wrap=True)
    else:
        grid = _grid(table, shown)
        anywhere = console.options.update(width=UNBOUNDED)  # else what is measured is never wider than the screen
        needed = Measurement.get(console, anywhere, grid).minimum
        while len(shown) > 1 and needed > console.width:
            needed -= _width(table, shown.pop()) + GAP
        console.print(grid if len(shown) == len(table.columns) else _grid(table, shown))
    notes = list(footnotes(table))
    if hidden := table.columns[len(shown) :]:
        notes.append(f"the screen is too narrow for {', '.join(hidden)}; choose with rexp report --cols")
    for note in notes:
        console.print(styled(note, "dim"), soft_wrap=True)


def _grid(table: Table, columns: Sequence[str]) -> Grid:
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False)
    for key in table.keys:
        grid.add_column(styled(key), overflow="fold")
    for count in table.counts:
        grid.add_column(count, justify="right", min_width=len(count))
    for column in columns:
        grid.add_column(styled(column), justify="right", width=_width(table, column), no_wrap=True)
    for row in table.rows:
        cells = [styled(cell_with_mark(row, column), style(table, row, column)) for column in columns]
        grid.add_row(*(styled(name) for name in row_name(row)), *map(str, table.counts_of(row)), *cells)
    return grid


def _width(table: Table, column: str) -> int:
    """In letters; numbers are never cut."""
    return max(map(len, [column, *(cell_with_mark(row, column) for row in table.rows)]))
