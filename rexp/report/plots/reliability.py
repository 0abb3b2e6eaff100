"""Reliability of probabilities: the share of positives beside what was predicted, before and after calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rexp.report.figures import drawn, legend_beside, new_figure, row_style
from rexp.report.row_names import short_names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rexp.report.tables import Table
    from rexp.store.result import RunResult

KINDS = {"scores": "as scored", "calibrated": "calibrated"}
"""Of a run's ``facts.reliability``, and what they are called."""


@dataclass(frozen=True)
class ReliabilityCurve:
    """One row's probabilities, of its first run.

    Args:
        place: of the row in its table.
        bins: by kind, for each bin its rows, mean probability and share of positives.
    """

    place: int
    bins: Mapping[str, Sequence[tuple[float, float, float]]]


def reliability_curves(table: Table, results: Sequence[RunResult]) -> list[ReliabilityCurve]:
    """The rows whose runs know how reliable their probabilities are.

    Args:
        table: its rows.
        results: among them its runs'.
    """
    facts = {result.run_id: result.facts.get("reliability") for result in results}
    return [
        ReliabilityCurve(place, {kind: [tuple(one) for one in bins] for kind, bins in found.items()})
        for place, row in enumerate(table.rows)
        if (found := facts.get(row.runs[0]))
    ]


def kinds_of(curves: Sequence[ReliabilityCurve]) -> list[str]:
    """The kinds that some row has."""
    return [kind for kind in KINDS if any(kind in curve.bins for curve in curves)]


def draw_reliability(table: Table, curves: Sequence[ReliabilityCurve]) -> Figure:
    """A panel for each kind; on the diagonal as many rows are positive as was predicted."""
    kinds = kinds_of(curves)
    figure, panels = new_figure(1, len(kinds))
    names = list(map(drawn, short_names(table.rows)))
    for axes, kind in zip(panels[0], kinds, strict=True):
        axes.plot([0, 1], [0, 1], color="0.6", lw=0.8, ls="--")
        for curve in curves:
            if bins := curve.bins.get(kind):
                color, marker = row_style(curve.place)
                _, predicted, observed = zip(*bins, strict=True)
                label = names[curve.place]
                axes.plot(predicted, observed, color=color, marker=marker, markersize=4, lw=1, label=label)
        axes.set_xlabel(f"probability, {KINDS[kind]}")
        axes.set_ylabel("share of positives")
        axes.grid(alpha=0.3)
    legend_beside(panels[0][0], panels[0][-1])
    return figure
