"""Mean and spread over seeds, drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rexp.report.rows import Cell


def band(axes: Axes, x: Sequence[float], cells: Sequence[Cell], label: str, **line: Any) -> None:
    """A line through the means in a band of one standard deviation on either side."""
    axes.plot(x, [cell.mean for cell in cells], label=label, **line)
    spread = [0.0 if math.isnan(cell.sd) else cell.sd for cell in cells]
    if any(spread):
        low = [cell.mean - sd for cell, sd in zip(cells, spread, strict=True)]
        high = [cell.mean + sd for cell, sd in zip(cells, spread, strict=True)]
        axes.fill_between(x, low, high, color=line["color"], alpha=0.15, lw=0)
