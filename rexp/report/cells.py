"""Tables as text: what a cell says, and Markdown."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rexp.errors import visible
from rexp.report import baseline_notes, control
from rexp.report.row_names import DAGGER, DOUBLE_DAGGER, row_name

if TYPE_CHECKING:
    from rexp.report.rows import Cell, Row
    from rexp.report.tables import Table


def cell_with_mark(row: Row, column: str) -> str:
    """:func:`cell_text`, with a dagger where the row differs from its baseline, a double one where it has none."""
    comparison = row.comparisons.get(column)
    mark = DAGGER if comparison and comparison.significant else DOUBLE_DAGGER if column in row.unpaired else ""
    return cell_text(column, row.cells[column]) + mark


def cell_text(column: str, cell: Cell) -> str:
    """``0.0912 ± 0.0010``, or the mean alone where there is one seed; ``-`` where nothing is known."""
    if math.isnan(cell.mean):
        return "-"
    counts = column in ("parameters", "nonzero") or column.startswith("multiply_adds") or column.endswith("_bytes")
    digits = 1 if column.endswith("_seconds") else 0 if counts else 4
    mean = f"{cell.mean:,.{digits}f}"
    return mean if math.isnan(cell.sd) or (digits == 0 and cell.sd == 0) else f"{mean} ± {cell.sd:,.{digits}f}"


def is_best(table: Table, row: Row, column: str) -> bool:
    """The row has the column's best mean."""
    return column in table.best and row.cells[column].mean == table.best[column]


def is_second(table: Table, row: Row, column: str) -> bool:
    """The row has the best mean after the best."""
    return column in table.second and row.cells[column].mean == table.second[column]


def footnotes(table: Table) -> Iterator[str]:
    """Footnotes of a table."""
    if table.folded:
        yield "mean ± sample standard deviation over folds, of each fold the mean over its seeds"
    elif any(row.n_seeds > 1 for row in table.rows):
        yield "mean ± sample standard deviation over seeds"
    if table.left_out:
        yield f"left out: {table.left_out} older run(s) of a configuration and seed that was run again since"
    if table.n_hidden:
        yield rows_shown(table)
    if any(column.startswith(control.column("")) for column in table.columns):
        yield (
            "control: the same steps and epochs without what distils and prunes; - where none is needed, "
            "or it was not run (compress.control_run=true)"
        )
    yield from baseline_notes.footnotes(table)


def rows_shown(table: Table) -> str:
    """Of a table that does not have all of its rows, how many it has."""
    rows = len(table.rows)
    return f"the best {rows:,} of {rows + table.n_hidden:,} rows; --most ROWS shows more or fewer"


def markdown(tables: Sequence[Table]) -> str:
    """A heading and a table for each, best values in bold."""
    return "\n\n".join(_markdown_table(table) for table in tables) + "\n"


def _markdown_table(table: Table) -> str:
    titles = [*table.keys, *table.counts, *table.columns]
    lines = [
        f"### {as_markdown(table.heading)}",
        "",
        _pipes(map(as_markdown, titles)),
        _pipes(["---"] * len(table.keys) + ["---:"] * (len(titles) - len(table.keys))),
    ]
    for row in table.rows:
        texts = [cell_with_mark(row, column) for column in table.columns]
        bold = [is_best(table, row, column) for column in table.columns]
        cells = [f"**{text}**" if best else text for text, best in zip(texts, bold, strict=True)]
        lines.append(_pipes([*map(as_markdown, row_name(row)), *map(str, table.counts_of(row)), *cells]))
    notes = list(map(as_markdown, footnotes(table)))
    return "\n".join([*lines, *([""] if notes else []), *notes])


def _pipes(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def as_markdown(text: str) -> str:
    r"""Text that Markdown prints as it is.

    >>> print(as_markdown("[a](b) *c* <d> kd_prune"))
    \[a\](b) \*c\* \<d> kd_prune
    """
    return re.sub(r"[\\`*\[\]|]|<(?=[a-zA-Z/!?])", r"\\\g<0>", visible(text).replace("\n", " "))
