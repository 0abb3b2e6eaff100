"""Output formats of a page: console, Markdown, LaTeX and HTML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape as html_escape
from itertools import chain
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from rexp.io.terminal import Screen, styled
from rexp.report.latex import escape as latex_escape

if TYPE_CHECKING:
    from rexp.paper.page import Grid, Page

VERDICT = "verdict"
"""The column whose texts are set off."""
MISSED = ("outside tolerance", "differs")
STYLES = {
    "reproduced": "green",
    "outside tolerance": "bold red",
    "differs": "bold red",
    "not run": "dim",
    "unverified": "yellow",
    "own": "dim",
}
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ padding: .3rem .6rem; border-bottom: 1px solid #ddd; text-align: left; }}
.number {{ text-align: right; white-space: nowrap; }}
.reproduced {{ color: #176b32; }}
.outside {{ color: #a3161a; font-weight: bold; }}
.not, .own {{ color: #666; }}
.unverified {{ color: #7a5200; }}
</style>
<h1>{title}</h1>
<p>{about}</p>
{tables}
{notes}
</html>
"""
TABLE = """<table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table>"""


def markdown(page: Page) -> str:
    """A page: title, tables, what is said below them, notes."""
    lines = [f"# {page.title}", "", page.about, ""]
    for grid in page.grids:
        lines += [f"## {grid.heading}", ""] if grid.heading else []
        lines.append(_pipes(grid.titles))
        lines.append(_pipes("---:" if title in grid.numbers else "---" for title in grid.titles))
        for line in grid.lines:
            cells = zip(grid.titles, line, strict=True)
            lines.append(
                _pipes(f"**{text}**" if title == VERDICT and text in MISSED else text for title, text in cells)
            )
        lines.append("")
        lines += chain.from_iterable((text, "") for text in grid.below)
        lines += [*(f"* {text}" for text in grid.points), ""] if grid.points else []
        lines += [f"![{grid.heading}]({grid.picture})", ""] if grid.picture else []
    lines += [page.notes.strip(), ""] if page.notes.strip() else []
    made_by = f"rexp paper run {page.name}"
    return "\n".join([*lines, f"Made by `{made_by}`, rebuilt by `rexp paper check {page.name}`.", ""])


def latex(page: Page) -> str:
    """``table`` environments; the preamble needs ``\\usepackage{booktabs}``."""
    return "".join(_latex(page, grid) for grid in page.grids)


def html(page: Page) -> str:
    """A page that needs nothing else."""
    tables = [part for grid in page.grids for part in _html(grid, last=grid is page.grids[-1])]
    last = page.grids[-1]
    notes = [*last.below, *last.points, *page.notes.strip().split("\n\n")]
    return PAGE.format(
        title=html_escape(page.title),
        about=html_escape(page.about),
        tables="\n".join(tables),
        notes="\n".join(f"<p>{html_escape(note)}</p>" for note in notes if note),
    )


def show(page: Page) -> None:
    """Print the tables."""
    console = Screen()
    console.print(styled(page.title, "bold"), soft_wrap=True)
    for grid in page.grids:
        if grid.heading:
            console.print(styled(grid.heading, "bold"), soft_wrap=True)
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for title in grid.titles:
            table.add_column(title, justify="right" if title in grid.numbers else "left")
        for line in grid.lines:
            cells = zip(grid.titles, line, strict=True)
            table.add_row(*(styled(text, STYLES.get(text, "dim") if title == VERDICT else "") for title, text in cells))
        console.print(table)
        for text in (*grid.below, *grid.points):
            console.print(styled(text, "dim"), soft_wrap=True)
    console.print(styled(page.about, "dim"), soft_wrap=True)


def _latex(page: Page, grid: Grid) -> str:
    caption = ". ".join(text for text in (page.title, grid.heading, page.about) if text)
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{latex_escape(caption)}}}",
            rf"\begin{{tabular}}{{{''.join('r' if title in grid.numbers else 'l' for title in grid.titles)}}}",
            r"\toprule",
            " & ".join(map(latex_escape, grid.titles)) + r" \\",
            r"\midrule",
            *(" & ".join(map(latex_escape, line)) + r" \\" for line in grid.lines),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _html(grid: Grid, *, last: bool) -> Iterator[str]:
    """A table with its heading and, where it is not the last, what is said below it."""
    if grid.heading:
        yield f"<h2>{html_escape(grid.heading)}</h2>"
    yield TABLE.format(
        head="".join(f'<th class="{_kind(grid, title)}">{html_escape(title)}</th>' for title in grid.titles),
        body="\n".join(f"<tr>{''.join(_cells(grid, line))}</tr>" for line in grid.lines),
    )
    if not last:
        yield from (f"<p>{html_escape(text)}</p>" for text in (*grid.below, *grid.points))


def _cells(grid: Grid, line: Iterable[str]) -> Iterator[str]:
    for title, text in zip(grid.titles, line, strict=True):
        verdict = "outside" if text in MISSED else text.split()[0]
        kind = verdict if title == VERDICT else _kind(grid, title)
        yield f'<td class="{kind}">{html_escape(text)}</td>'


def _kind(grid: Grid, title: str) -> str:
    return "number" if title in grid.numbers else "text"


def _pipes(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
