"""Mean and spread over seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from rexp.report.rows import Cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def over_seeds(values: Iterable[Any]) -> Cell:
    """Of those values that are finite numbers.

    >>> over_seeds([1.0, None, 3.0])
    Cell(mean=2.0, sd=1.4142135623730951, n=2)
    """
    known = [float(value) for value in values if isinstance(value, int | float) and math.isfinite(value)]
    return Cell(fmean(known) if known else math.nan, stdev(known) if len(known) > 1 else math.nan, len(known))


def band(axes: Axes, x: Sequence[float], cells: Sequence[Cell], label: str, **line: Any) -> None:
    """A line through the means in a band of one standard deviation on either side."""
    axes.plot(x, [cell.mean for cell in cells], label=label, **line)
    spread = [0.0 if math.isnan(cell.sd) else cell.sd for cell in cells]
    if any(spread):
        low = [cell.mean - sd for cell, sd in zip(cells, spread, strict=True)]
        high = [cell.mean + sd for cell, sd in zip(cells, spread, strict=True)]
        axes.fill_between(x, low, high, color=line["color"], alpha=0.15, lw=0)
