"""The verdicts on a published table as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexp.paper.page import Grid, Page

if TYPE_CHECKING:
    from rexp.paper.paper import Paper
    from rexp.paper.verdicts import Check, CheckedCell, CheckedOrder

TITLES = ("row", "metric", "published", "ours", "seeds", "difference", "tolerance", "verdict", "bytes", "fit s")
NUMBERS = TITLES[2:7] + TITLES[8:]


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
    """Description of the table."""
    return f"Published values: {paper.source}. Ours: mean ± sample standard deviation over seeds."


def order_text(order: CheckedOrder) -> str:
    """Whether an order of rows is as published.

    >>> from rexp.paper.verdicts import CheckedOrder
    >>> order_text(CheckedOrder(("htd", "ftd"), "recall@50", True))
    'recall@50 falls from htd to ftd: as published'
    """
    verdict = {True: "as published", False: "NOT SO HERE", None: "not run"}[order.holds]
    return f"{order.metric} falls from {' to '.join(order.rows)}: {verdict}"


def summary(found: Check) -> str:
    """Counts of cells by verdict."""
    counts: dict[str, int] = {}
    for cell in found.cells:
        counts[cell.verdict] = counts.get(cell.verdict, 0) + 1
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items())


def page(paper: Paper, found: Check) -> Page:
    """Published, ours and verdicts, cell by cell."""
    lines = tuple(texts(cell) for cell in found.cells)
    grid = Grid(
        TITLES, NUMBERS, lines, below=(f"{summary(found)}.",), points=tuple(order_text(order) for order in found.orders)
    )
    return Page(paper.name, paper.title, about(paper), (grid,), paper.notes)
