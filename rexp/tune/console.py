"""The best trials as a table on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from rexp.io.terminal import Screen, styled
from rexp.tune.progress import short

if TYPE_CHECKING:
    from rexp.tune.trials import TrialRecord

UNBOUNDED = 10_000


def render(best: Sequence[TrialRecord], metric: str) -> None:
    """Print trials, the best first; nothing where there is none.

    Args:
        best: complete trials.
        metric: the name of their values.
    """
    if not best:
        return
    keys = list(best[0].parameters)

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("trial", f"{metric} (valid)", "seconds", *keys):
        table.add_column(styled(heading), justify="right")
    for place, trial in enumerate(best):
        cells = [str(trial.number), f"{trial.value:.4f}", f"{trial.ended - trial.began:.1f}"]
        cells += [short(trial.parameters[key]) for key in keys]
        table.add_row(*map(styled, cells), style="bold" if place == 0 else None)
    Screen().print(table)
