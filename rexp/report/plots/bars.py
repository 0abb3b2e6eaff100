"""Bars in groups, with one standard deviation on either side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rexp.report.rows import Cell


def draw_bars(axes: Axes, groups: Sequence[str], bars: Mapping[str, Sequence[Cell]], colors: Sequence[str]) -> None:
    """Put the bars into a panel; one that is not known is left out.

    Args:
        axes: the panel.
        groups: names of the groups.
        bars: by what the legend calls a bar, its height in each group.
        colors: one a bar of a group.
    """
    width = 0.8 / max(1, len(bars))
    for place, (label, cells) in enumerate(bars.items()):
        left = [group - 0.4 + width * (place + 0.5) for group in range(len(groups))]
        sds = [0.0 if math.isnan(cell.sd) else cell.sd for cell in cells]
        heights = [cell.mean for cell in cells]
        axes.bar(left, heights, width, yerr=sds, color=colors[place], label=label, error_kw={"lw": 0.8}, capsize=1)
    axes.set_xticks(range(len(groups)), list(groups), fontsize=8)
    axes.grid(alpha=0.3, axis="y")
    axes.set_axisbelow(True)
