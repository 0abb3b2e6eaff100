"""Accuracy against cost, with the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.errors import ConfigError
from rexp.metrics.direction import higher_is_better
from rexp.report.figures import drawn, legend_beside, new_figure, row_style, save
from rexp.report.row_names import short_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rexp.report.rows import Row
    from rexp.report.tables import Table


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The points that none beats: cheaper and as good, or better and as cheap.

    Args:
        points: cost (less is better) and accuracy (more is better).

    Returns:
        their places, by rising cost.

    >>> pareto_front([(4.0, 0.5), (1.0, 0.2), (2.0, 0.1), (2.0, 0.4)])
    [1, 3, 0]
    """
    kept: list[int] = []
    best = -math.inf
    for place in sorted(range(len(points)), key=lambda place: (points[place][0], -points[place][1])):
        if points[place][1] > best:
            kept.append(place)
            best = points[place][1]
    return kept


def draw_frontier(tables: Sequence[Table], metric: str, costs: Sequence[str], path: Path, form: str) -> None:
    """Write the picture: a row of panels for each table, a panel for each cost.

    Args:
        tables: see :func:`rexp.report.tables.make_tables`; their columns hold the metric and the costs.
        metric: the accuracy.
        costs: columns of which less is better.
        path: the file.
        form: ``.png``, ``.svg`` or ``.pdf``.

    Raises:
        ConfigError: matplotlib is not installed, or no run has both the metric and a cost.
    """
    shown = [table for table in tables if metric in table.columns]
    if not shown or not costs:
        raise ConfigError(f"no run has '{metric}' and a cost to draw it against; name both with --cols")
    figure, panels = new_figure(len(shown), len(costs))
    for line, table in zip(panels, shown, strict=True):
        for axes, cost in zip(line, costs, strict=True):
            _panel(axes, table, metric, cost)
        line[0].set_title(drawn(table.heading.split(" · mask")[0]), loc="left", fontsize=9)
        legend_beside(line[0], line[-1])
    save(figure, path, form)


def _panel(axes: Axes, table: Table, metric: str, cost: str) -> None:
    from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

    named = zip(range(len(table.rows)), table.rows, map(drawn, short_names(table.rows)), strict=True)
    shown = [one for one in named if _known(one[1], metric) and cost in one[1].cells and _known(one[1], cost)]
    sign = 1.0 if higher_is_better(metric) is not False else -1.0
    points = [(row.cells[cost].mean, sign * row.cells[metric].mean) for _, row, _ in shown]
    for place, row, name in shown:
        cell = row.cells[metric]
        sd = None if math.isnan(cell.sd) else cell.sd
        at = row.cells[cost].mean
        color, marker = row_style(place)
        axes.errorbar(at, cell.mean, yerr=sd, color=color, marker=marker, capsize=2, linestyle="none", label=name)
    best = pareto_front(points)
    axes.plot(
        [points[place][0] for place in best], [sign * points[place][1] for place in best], "k--", lw=0.8, zorder=0
    )
    if len(points) > 1 and max(points)[0] > 4 * min(points)[0] > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_minor_locator(NullLocator())
    thousands = EngFormatter(sep="")
    axes.xaxis.set_major_formatter(lambda value, _: thousands(value) if value >= 1000 else f"{value:g}")  # 500k, 0.05
    axes.set_xlabel(cost)
    axes.set_ylabel(metric)
    axes.grid(alpha=0.3)


def _known(row: Row, column: str) -> bool:
    return not math.isnan(row.cells[column].mean)
