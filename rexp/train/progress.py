"""Progress display of a fit: a bar and a table of epochs on a terminal, one line an epoch elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from rexp.io.text import say

if TYPE_CHECKING:
    from rexp.train.curve import EpochRow

SHOWN = 4


@dataclass(frozen=True)
class Left:
    """Estimated remaining time of a fit.

    Args:
        seconds: to its end, if no further epoch is a gain.
        more: a gain would add to it, because patience would begin anew.
    """

    seconds: float
    more: bool = False


class Display(Protocol):
    """Shows a fit while it runs."""

    def epoch_started(self, epoch: int, steps: int) -> None: ...
    def stepped(self, steps: int) -> None: ...
    def epoch_ended(self, row: EpochRow, *, best: bool, left: Left) -> None:
        """``row`` is one of the curve's."""
        ...

    def close(self) -> None: ...


def display(kind: Literal["auto", "bar", "lines", "none"], max_epochs: int, monitor: str) -> Display:
    """The display for this terminal, or the one that is asked for; it writes to standard error."""
    if kind == "none":
        return Silent()
    if kind == "bar" or (kind == "auto" and sys.stderr.isatty()):
        return Bar(max_epochs, monitor)
    return Lines(max_epochs, monitor)


class Silent:
    """Shows nothing."""

    def epoch_started(self, epoch: int, steps: int) -> None: ...
    def stepped(self, steps: int) -> None: ...
    def epoch_ended(self, row: EpochRow, *, best: bool, left: Left) -> None: ...
    def close(self) -> None: ...


class Lines(Silent):
    """One line an epoch, each whole in itself, for logs."""

    def __init__(self, max_epochs: int, monitor: str) -> None:
        self.max_epochs, self.monitor = max_epochs, monitor

    def epoch_ended(self, row: EpochRow, *, best: bool, left: Left) -> None:
        metrics = [f"{name} {value:.4f}" for name, value in shown(row["metrics"], self.monitor)]
        cells = [f"epoch {row['epoch']}/{self.max_epochs}", f"loss {row['train_loss']:.4f}", *metrics]
        cells += [
            f"{rate(row['samples_per_second'])} samples/s",
            f"{clock(left.seconds)} left{' without a gain' if left.more else ''}",
            *(["best"] if best else []),
        ]
        say("  ".join(cells))


class Bar(Silent):
    """A bar for the running epoch under a table that grows by a row an epoch."""

    def __init__(self, max_epochs: int, monitor: str, console: Console | None = None) -> None:
        self.max_epochs, self.monitor = max_epochs, monitor
        self.metrics: list[str] = []
        self.headed = False
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
        console = console or Console(stderr=True)
        self.bar = Progress(*columns, TimeElapsedColumn(), console=console, transient=True, refresh_per_second=4)
        self.task = self.bar.add_task("", total=None)

    def epoch_started(self, epoch: int, steps: int) -> None:
        self.bar.reset(self.task, total=steps, description=f"epoch {epoch}/{self.max_epochs}")
        self.bar.start()

    def stepped(self, steps: int) -> None:
        self.bar.advance(self.task, steps)

    def epoch_ended(self, row: EpochRow, *, best: bool, left: Left) -> None:
        # An epoch that was not validated leaves its cells empty; the columns are those of the first that was.
        found = dict(shown(row["metrics"], self.monitor))
        new = bool(found) and not self.metrics
        self.metrics = self.metrics or list(found)
        names = ["epoch", "loss", *self.metrics, "samples/s", "left", ""]
        values = [str(row["epoch"]), f"{row['train_loss']:.4f}"]
        values += [f"{found[name]:.4f}" if name in found else "-" for name in self.metrics]
        values += [
            rate(row["samples_per_second"]),
            clock(left.seconds) + ("+" if left.more else ""),
            "best" if best else "",
        ]
        widths = [max(len(name), 9) for name in names]
        if new or not self.headed:
            self._print(names, widths, style="bold")
            self.headed = True
        self._print(values, widths, style="green" if best else "none")

    def _print(self, cells: list[str], widths: list[int], style: str) -> None:
        line = " ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        self.bar.console.print(line, style=style, highlight=False, soft_wrap=True)

    def close(self) -> None:
        self.bar.stop()


def shown(metrics: Mapping[str, float], monitor: str) -> list[tuple[str, float]]:
    """The monitored metric first, then the first few others."""
    ordered = sorted(metrics.items(), key=lambda pair: pair[0].partition("|")[0] != monitor and pair[0] != monitor)
    return ordered[:SHOWN]


def rate(samples_per_second: float) -> str:
    """Samples per second, short: 812k, 1.24M.

    >>> rate(1_240_000.0), rate(812_345.0)
    ('1.24M', '812k')
    """
    value = samples_per_second
    return f"{value / 1e6:.2f}M" if value >= 1e6 else f"{value / 1e3:.0f}k" if value >= 1e4 else f"{value:.0f}"


def clock(seconds: float) -> str:
    """Minutes and seconds, or hours before them.

    >>> clock(72), clock(3725)
    ('1:12', '1:02:05')
    """
    minutes, second = divmod(round(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"
