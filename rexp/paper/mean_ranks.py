"""Mean ranks of a study's rows over its data sets, and how far apart two must be (Demšar, JMLR 2006)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rexp.report.statistics import ALPHA

if TYPE_CHECKING:
    from rexp.paper.study import Table

MOSTLY = 0.9
"""Share of a table's rows that are run, from which on it counts: one that is hardly begun leaves few rows to rank."""


@dataclass(frozen=True)
class Ranks:
    """Mean ranks over data sets, 1 the best; ties share their ranks.

    Args:
        means: by row, the best first.
        tables: how many tables count.
        data_sets: of how many data sets they are.
        difference: Nemenyi's critical difference of two mean ranks at 5 %.
        p: of Friedman's test that all rows are alike.
    """

    means: Mapping[str, float]
    tables: int
    data_sets: int
    difference: float
    p: float


def ranks(tables: Sequence[Table], metric: str) -> Ranks | None:
    """Rank the rows that all tables have which are mostly run; None for fewer than two data sets or three such rows.

    Tables of one data set share its users and its noise, and the tests want blocks that are independent: they count as
    one block, in which a row has its mean rank over them.

    Args:
        tables: of a study.
        metric: by which rows are ranked, the most first.
    """
    run: list[dict[str, float]] = []
    data: list[str] = []
    for table in tables:
        lines = [line for line in table.lines if not line.stands_for]
        found = {line.row: line.means[metric] for line in lines if line.means}
        if table.group.ranked and found and len(found) >= MOSTLY * len(lines):
            run.append(found)
            data.append(table.data)
    shared = [row for row in run[0] if all(row in found for found in run)] if run else []
    if len(set(data)) < 2 or len(shared) < 3:
        return None
    from scipy import stats

    by_table = stats.rankdata([[-found[row] for row in shared] for found in run], axis=1)
    by_data = np.array([by_table[[other == one for other in data]].mean(0) for one in dict.fromkeys(data)])
    placed = by_data.mean(0)
    order = sorted(range(len(shared)), key=lambda place: (placed[place], place))
    count, n = len(shared), len(by_data)
    critical = float(stats.studentized_range.ppf(1 - ALPHA, count, math.inf)) / math.sqrt(2)
    return Ranks(
        means={shared[place]: float(placed[place]) for place in order},
        tables=len(run),
        data_sets=n,
        difference=critical * math.sqrt(count * (count + 1) / (6 * n)),
        p=float(stats.friedmanchisquare(*by_data.T).pvalue),
    )


def alike(found: Ranks) -> list[tuple[float, float]]:
    """The longest runs of mean ranks that lie within the critical difference, as first and last.

    >>> alike(Ranks({"a": 1.0, "b": 2.0, "c": 2.5, "d": 4.0}, 4, 4, 1.6, 0.01))
    [(1.0, 2.5), (2.5, 4.0)]
    """
    values = list(found.means.values())
    spans: list[tuple[float, float]] = []
    for first in values:
        last = max(value for value in values if value - first <= found.difference)
        if last > first and (not spans or last > spans[-1][1]):
            spans.append((first, last))
    return spans


def draw(found: Ranks, path: Path) -> None:
    """Critical-difference diagram as SVG: mean ranks on a line, with bars under groups that do not differ.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    from rexp.report.figures import new_figure, save

    names, values = list(found.means), list(found.means.values())
    half, bars = math.ceil(len(names) / 2), alike(found)
    depth = 0.35 * len(bars) + 0.6
    low, high = 1.0, float(len(names))
    bottom, top = -depth - 0.7 * half, 2.6
    figure, ((axes,),) = new_figure(1, 1)
    figure.set_layout_engine("none")
    figure.set_size_inches(9.0, 0.32 * (top - bottom))
    axes.set_position((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(low - 0.5 * (high - low), high + 0.5 * (high - low))
    axes.set_ylim(bottom, top)
    axes.hlines(0, low, high, color="black", lw=1)
    for rank in range(1, len(names) + 1):
        axes.vlines(rank, 0, 0.2, color="black", lw=1)
        axes.text(rank, 0.3, str(rank), ha="center", va="bottom", fontsize=8)
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        left = place < half
        level = -depth - 0.7 * (place if left else len(names) - 1 - place)
        edge = low - 0.3 if left else high + 0.3
        axes.plot([value, value, edge], [0, level, level], color="black", lw=0.8)
        align = "right" if left else "left"
        axes.text(edge, level, f" {name} ({value:.2f}) ", ha=align, va="center", fontsize=8)
    for place, (first, last) in enumerate(bars):
        axes.hlines(-0.35 * (place + 1), first - 0.05, last + 0.05, color="black", lw=3)
    axes.hlines(1.4, low, low + found.difference, color="black", lw=1.5)
    axes.text(low, 1.6, f"critical difference {found.difference:.2f}", va="bottom", fontsize=8)
    save(figure, path, ".svg")
