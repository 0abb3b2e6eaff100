"""The verdicts as a table: on the screen, as Markdown, LaTeX and HTML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape as html_escape
from typing import TYPE_CHECKING

from rexp.report.latex import escape as latex_escape

if TYPE_CHECKING:
    from rexp.paper.check import Check, CheckedCell, CheckedOrder
    from rexp.paper.paper import Paper

TITLES = ("row", "metric", "published", "ours", "seeds", "difference", "tolerance", "verdict", "bytes", "fit s")
NUMBERS = TITLES[2:7] + TITLES[8:]
STYLES = {
    "reproduced": "green",
    "outside tolerance": "bold red",
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
<table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table>
{notes}
</html>
"""


def texts(cell: CheckedCell) -> tuple[str, ...]:
    """One line of the table, a text for each of :data:`TITLES`."""
    ours = "-" if cell.ours is None else f"{cell.ours:.4f}" + ("" if cell.sd is None else f" ± {cell.sd:.4f}")
    return (
        cell.row,
        cell.metric,
        "-" if cell.published is None else f"{cell.published:.4f}",
        ours,
        f"{cell.seeds}/{cell.wanted}",
        "-" if cell.difference is None else f"{cell.difference:+.4f}",
        "-" if cell.published is None else f"±{cell.tolerance:g}",
        cell.verdict,
        "-" if cell.weight_bytes is None else f"{cell.weight_bytes:,}",
        "-" if cell.seconds is None else f"{cell.seconds:,.0f}",
    )


def about(paper: Paper) -> str:
    """What the table is."""
    return f"Published values: {paper.source}. Ours: mean ± sample standard deviation over seeds."


def order_text(order: CheckedOrder) -> str:
    """Whether an order of rows is as published.

    >>> from rexp.paper.check import CheckedOrder
    >>> order_text(CheckedOrder(("htd", "ftd"), "recall@50", True))
    'recall@50 falls from htd to ftd: as published'
    """
    verdict = {True: "as published", False: "NOT SO HERE", None: "not run"}[order.holds]
    return f"{order.metric} falls from {' to '.join(order.rows)}: {verdict}"


def summary(found: Check) -> str:
    """How many cells came to which verdict."""
    counts: dict[str, int] = {}
    for cell in found.cells:
        counts[cell.verdict] = counts.get(cell.verdict, 0) + 1
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items())


def markdown(paper: Paper, found: Check) -> str:
    """A page: title, table, orders, notes."""
    lines = [f"# {paper.title}", "", about(paper), "", _pipes(TITLES)]
    lines.append(_pipes("---:" if title in NUMBERS else "---" for title in TITLES))
    for cell in found.cells:
        bold = cell.verdict == "outside tolerance"
        lines.append(_pipes(f"**{text}**" if bold and text == cell.verdict else text for text in texts(cell)))
    lines += ["", summary(found) + "."]
    lines += ["", *(f"* {order_text(order)}" for order in found.orders)] if found.orders else []
    lines += ["", paper.notes.strip()] if paper.notes.strip() else []
    made_by = f"rexp paper run {paper.name}"
    return "\n".join([*lines, "", f"Made by `{made_by}`, rebuilt by `rexp paper check {paper.name}`.", ""])


def latex(paper: Paper, found: Check) -> str:
    """A ``table`` environment; the preamble needs ``\\usepackage{booktabs}``."""
    rows = [" & ".join(map(latex_escape, texts(cell))) + r" \\" for cell in found.cells]
    columns = "".join("r" if title in NUMBERS else "l" for title in TITLES)
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{latex_escape(paper.title)}. {latex_escape(about(paper))}}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            " & ".join(map(latex_escape, TITLES)) + r" \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def html(paper: Paper, found: Check) -> str:
    """A page that needs nothing else."""
    body = "\n".join(f"<tr>{''.join(_cells(cell))}</tr>" for cell in found.cells)
    head = "".join(f'<th class="{_kind(title)}">{title}</th>' for title in TITLES)
    notes = [summary(found) + ".", *map(order_text, found.orders), *paper.notes.strip().split("\n\n")]
    return PAGE.format(
        title=html_escape(paper.title),
        about=html_escape(about(paper)),
        head=head,
        body=body,
        notes="\n".join(f"<p>{html_escape(note)}</p>" for note in notes if note),
    )


def show(paper: Paper, found: Check) -> None:
    """Print the table."""
    import sys

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else 10_000, highlight=False)
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in TITLES:
        grid.add_column(title, justify="right" if title in NUMBERS else "left")
    for cell in found.cells:
        grid.add_row(
            *(Text(text, style=STYLES.get(cell.verdict, "dim") if text == cell.verdict else "") for text in texts(cell))
        )
    console.print(Text(paper.title, style="bold"), soft_wrap=True)
    console.print(grid)
    for line in (summary(found), *map(order_text, found.orders), about(paper)):
        console.print(Text(line, style="dim"), soft_wrap=True)


def _cells(cell: CheckedCell) -> Iterator[str]:
    for title, text in zip(TITLES, texts(cell), strict=True):
        kind = cell.verdict.split()[0] if title == "verdict" else _kind(title)
        yield f'<td class="{kind}">{html_escape(text)}</td>'


def _kind(title: str) -> str:
    return "number" if title in NUMBERS else "text"


def _pipes(cells: Iterable[str] | Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
