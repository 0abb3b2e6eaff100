"""Tables for a paper: LaTeX with booktabs, the best in bold and the second underlined."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rexp.errors import visible
from rexp.report.cells import cell_with_mark, footnotes, is_best, is_second
from rexp.report.row_names import DAGGER, DOUBLE_DAGGER, row_name

if TYPE_CHECKING:
    from rexp.report.rows import Row
    from rexp.report.tables import Table

SPECIAL = {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    DAGGER: r"$^{\dagger}$",
    DOUBLE_DAGGER: r"$^{\ddagger}$",
    "·": r"$\cdot$",
    "<": "$<$",
    ">": "$>$",
}


def escape(text: str) -> str:
    r"""Text as LaTeX prints it.

    >>> print(escape("kd_prune 50% ± 0.1"))
    kd\_prune 50\% $\pm$ 0.1
    """
    return re.sub("|".join(map(re.escape, SPECIAL)), lambda found: SPECIAL[found[0]], visible(text))


def latex(tables: Sequence[Table]) -> str:
    """A ``table`` environment for each; the preamble needs ``\\usepackage{booktabs}``."""
    return "\n".join(_table(table) for table in tables)


def _table(table: Table) -> str:
    titles = [*table.keys, *table.counts, *table.columns]
    notes = " ".join(escape(note) + "." for note in footnotes(table))
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escape(table.heading)}.{' ' if notes else ''}{notes}}}",
            rf"\begin{{tabular}}{{{'l' * len(table.keys)}{'r' * (len(titles) - len(table.keys))}}}",
            r"\toprule",
            _line(map(escape, titles)),
            r"\midrule",
            *(_row(table, row) for row in table.rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _row(table: Table, row: Row) -> str:
    cells = [_cell(table, row, column) for column in table.columns]
    return _line([*map(escape, row_name(row)), *map(str, table.counts_of(row)), *cells])


def _cell(table: Table, row: Row, column: str) -> str:
    text = escape(cell_with_mark(row, column))
    if is_best(table, row, column):
        return rf"\textbf{{{text}}}"
    return rf"\underline{{{text}}}" if is_second(table, row, column) else text


def _line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"
