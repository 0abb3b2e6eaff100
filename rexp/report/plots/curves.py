"""Learning curves: what every epoch measured, as mean and spread over a row's seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rexp.report.figures import drawn, legend_beside, new_figure, row_style
from rexp.report.plots.seeds import band
from rexp.report.row_names import short_names
from rexp.report.rows import over_seeds
from rexp.store.epoch_log import read_epochs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rexp.io.json_types import Json
    from rexp.report.rows import Cell
    from rexp.report.tables import Table
    from rexp.store.store import Store

LOSS = "train_loss"
NOT_LEARNT = ("epoch", "step", "per_second", "seconds")
"""Ends of names, of an epoch's record, that are no measures of the model."""


@dataclass(frozen=True)
class Curve:
    """One column over the epochs that have it."""

    epochs: tuple[int, ...]
    cells: tuple[Cell, ...]


def learning_curves(runs: Sequence[str], store: Store) -> dict[str, Curve]:
    """Curves of a row by column, metrics first and the loss of training last.

    Args:
        runs: the row's, one a seed; one that kept no epochs (a model in closed form) adds nothing.
        store: where they lie.
    """
    by_epoch: dict[int, list[Json]] = {}
    for run in runs:
        path = store.directory(run) / "metrics.jsonl"
        for record in read_epochs(path) if path.is_file() else ():
            by_epoch.setdefault(record["epoch"], []).append(record)
    names = dict.fromkeys(name for records in by_epoch.values() for record in records for name in record)
    learned = sorted((name for name in names if not name.endswith(NOT_LEARNT)), key=lambda name: name == LOSS)
    curves = {name: _curve(name, by_epoch) for name in learned}
    return {name: curve for name, curve in curves.items() if curve.epochs}


def _curve(name: str, by_epoch: dict[int, list[Json]]) -> Curve:
    cells = {epoch: over_seeds(record.get(name) for record in by_epoch[epoch]) for epoch in sorted(by_epoch)}
    known = {epoch: cell for epoch, cell in cells.items() if cell.n}
    return Curve(tuple(known), tuple(known.values()))


def draw_curves(table: Table, store: Store) -> Figure | None:
    """A panel for the first metric that was watched while training, and one for the loss; None without epochs.

    Args:
        table: its rows are the lines, its columns are looked for first.
        store: where its runs lie.
    """
    curves = [learning_curves(row.runs, store) for row in table.rows]
    known = dict.fromkeys(name for own in curves for name in own)
    metrics = [name for name in (*table.columns, *known) if name in known and name != LOSS][:1]
    shown = [*metrics, *(name for name in (LOSS,) if name in known)]
    if not shown:
        return None
    figure, panels = new_figure(1, len(shown))
    for axes, name in zip(panels[0], shown, strict=True):
        for place, (label, own) in enumerate(zip(map(drawn, short_names(table.rows)), curves, strict=True)):
            if name in own:
                color = row_style(place).color
                band(axes, own[name].epochs, own[name].cells, label, color=color, marker=".", markersize=3, lw=1)
        axes.set_xlabel("epoch")
        axes.set_ylabel(name if name == LOSS else f"{name}, while training")
        axes.grid(alpha=0.3)
    legend_beside(max(panels[0], key=lambda axes: len(axes.lines)), panels[0][-1])
    return figure
