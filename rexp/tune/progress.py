"""Progress display of a search: a line a trial, above a bar on a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from rexp.io.terminal import Screen
from rexp.io.text import say
from rexp.train.progress import clock
from rexp.tune.trials import busy_seconds

if TYPE_CHECKING:
    from rexp.tune.study import Study
    from rexp.tune.trials import Budget, TrialRecord

STYLES = {"complete": "none", "pruned": "dim", "failed": "red"}


class Watch:
    """Tells of trials as they end; to be entered.

    Args:
        study: the search.
        budget: for the time left.
        jobs: processes that work on it.
        quiet: another process tells of the same search.
    """

    def __init__(self, study: Study, budget: Budget, jobs: int, *, quiet: bool = False) -> None:
        self.study, self.budget, self.jobs = study, budget, jobs
        self.bar: Progress | None = None
        if sys.stderr.isatty() and not quiet:
            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
            self.bar = Progress(*columns, console=Screen(stderr=True), transient=True, refresh_per_second=2)
            self.task = self.bar.add_task("", total=study.total(budget))

    def __enter__(self) -> Watch:
        if self.bar:
            self.bar.start()
        return self

    def __exit__(self, *fault: object) -> None:
        if self.bar:
            self.bar.stop()

    def began(self, number: int) -> None:
        """A trial begins."""
        if self.bar:
            done = sum(trial.state != "running" for trial in self.study.trials())
            total = self.study.total(self.budget)
            description = f"trial {number}" + (f"/{total}" if total else "")
            self.bar.update(self.task, description=description, completed=done)

    def ended(self, number: int) -> None:
        """A trial has been told."""
        tried = self.study.trials()
        text, state = self._line(number, tried), next(trial.state for trial in tried if trial.number == number)
        if self.bar:
            self.bar.console.print(text, style=STYLES.get(state, "none"), highlight=False, soft_wrap=True, markup=False)
        else:
            say(text)

    def _line(self, number: int, tried: list[TrialRecord]) -> str:
        trial = next(trial for trial in tried if trial.number == number)
        total, best = self.study.total(self.budget), self.study.ranked()[:1]
        cells = [f"trial {number}" + (f"/{total}" if total else "")]
        if trial.state == "failed":
            cells.append(f"failed: {trial.error}")
        elif trial.value is not None:
            given_up = " given up" if trial.state == "pruned" else ""
            cells.append(f"{self.study.metric} {trial.value:.4f}{given_up}")
        cells += [f"best {found.value:.4f} (trial {found.number})" for found in best]
        cells.append(trial_line(trial))
        left = self._left(tried)
        return "  ".join([*cells, *([f"{clock(left)} left"] if left is not None else [])])

    def _left(self, tried: list[TrialRecord]) -> float | None:
        """Seconds to the end of the budget, whichever part of it ends first."""
        ended = [trial for trial in tried if trial.state != "running"]
        bounds = []
        if (total := self.study.total(self.budget)) and ended:
            pace = sum(trial.ended - trial.began for trial in ended) / len(ended)
            bounds.append(pace * (total - len(ended)) / self.jobs)
        if self.budget.minutes is not None:
            bounds.append(max(0.0, 60 * self.budget.minutes - busy_seconds(tried)))
        return min(bounds, default=None)


def trial_line(trial: TrialRecord) -> str:
    """A trial's values, short.

    >>> from rexp.tune.trials import TrialRecord
    >>> trial_line(TrialRecord(1, "complete", 0.1, {"train.lr": 0.0123456, "loss": "bpr"}, 0.0, 1.0))
    'train.lr=0.01235 loss=bpr'
    """
    return " ".join(f"{key}={short(value)}" for key, value in trial.parameters.items())


def short(value: object) -> str:
    """A value with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
