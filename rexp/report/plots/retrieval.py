"""The retrieval curve: what two stages reach, and what the index finds, by the number of candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rexp.report.figures import drawn, legend_beside, new_figure, row_style
from rexp.report.plots.seeds import band
from rexp.report.row_names import short_differences
from rexp.store.identity import canonical_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rexp.report.tables import Table
    from rexp.store.result import RunResult

NUMBER = "retriever.n_candidates"
COLUMNS = ("recall_ceiling@", "index_recall|", "both_p50_ms")
"""Beginnings of the columns that are drawn beside the first metric."""


@dataclass(frozen=True)
class Sweep:
    """Rows that differ in the number of candidates alone.

    Args:
        name: what the rows have in common.
        places: of the rows in their table, by rising number of candidates.
        n_candidates: of each.
    """

    name: str
    places: tuple[int, ...]
    n_candidates: tuple[int, ...]


def sweeps(table: Table, results: Sequence[RunResult]) -> list[Sweep]:
    """The curves of a table, in the order of its rows; rows alone with their number of candidates make none.

    Args:
        table: its rows.
        results: among them its runs'.
    """
    known = {result.run_id: result for result in results}
    groups: dict[str, list[tuple[int, int]]] = {}
    for place, row in enumerate(table.rows):
        config = {key: node for key, node in known[row.runs[0]].config.items() if key != "seed"}
        if retriever := config.get("retriever"):
            rest = {key: node for key, node in retriever.items() if key != "n_candidates"}
            key = canonical_json(config | {"retriever": rest})
            groups.setdefault(key, []).append((int(retriever["n_candidates"]), place))
    curves = [sorted(group) for group in groups.values() if len(group) > 1]
    differences = short_differences(table.rows)
    return [
        Sweep(_name(table, group[0][1], differences), tuple(place for _, place in group), tuple(n for n, _ in group))
        for group in curves
    ]


def _name(table: Table, place: int, differences: Sequence[Sequence[str]]) -> str:
    """The row's name without the number of candidates."""
    labels = zip(table.keys, table.rows[place].labels, strict=True)
    difference = [pair for pair in differences[place] if not pair.startswith("n_candidates=")]
    brackets = f"({', '.join(difference)})" if difference else ""
    return " ".join([*(label for key, label in labels if key != NUMBER), *filter(None, [brackets])])


def columns_of(table: Table) -> list[str]:
    """Curves over the number of candidates: first metric, recall ceiling, index recall and latency."""
    return [*table.columns[:1], *(name for name in table.columns if name.startswith(COLUMNS))]


def draw_retrieval(table: Table, found: Sequence[Sweep]) -> Figure:
    """A panel for each of :func:`columns_of`."""
    columns = columns_of(table)
    across = 2
    figure, panels = new_figure(-(-len(columns) // across), across)
    for spare in panels.flat[len(columns) :]:
        spare.set_axis_off()
    for axes, column in zip(panels.flat[: len(columns)], columns, strict=True):
        for place, sweep in enumerate(found):
            cells = [table.rows[row].cells[column] for row in sweep.places]
            color, marker = row_style(place)
            band(axes, sweep.n_candidates, cells, drawn(sweep.name), color=color, marker=marker, lw=1, markersize=4)
        axes.set_xscale("log", base=2)
        ticks = sorted({n for sweep in found for n in sweep.n_candidates})
        axes.set_xticks(ticks, [f"{n}" for n in ticks], fontsize=7)
        axes.minorticks_off()
        axes.set_xlabel("candidates")
        axes.set_ylabel(column)
        axes.grid(alpha=0.3)
    legend_beside(panels[0][0], panels[0][-1])
    return figure
