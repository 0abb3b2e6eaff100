"""Progress line of a sweep, on terminals only."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rexp.io.terminal import Screen
from rexp.sweep.status import counts, seconds_left, states
from rexp.train.progress import clock

if TYPE_CHECKING:
    from rich.console import Console

    from rexp.sweep.ledger import Ledger
    from rexp.sweep.status import JobState

EVERY = 1.0
"""Seconds between two looks at the ledger."""


def summary(jobs: Sequence[JobState], workers: int | None) -> str:
    """Done, failed, to do and the time left, in words; see :func:`rexp.sweep.status.seconds_left`."""
    number = counts(jobs)
    parts = [f"{number['done']}/{len(jobs)} done"]
    parts += [
        f"{number[status]} {status}" for status in ("running", "failed", "interrupted", "to do") if number[status]
    ]
    left = seconds_left(jobs, workers) if number["to do"] or number["running"] else None
    return " · ".join([*parts, *([f"about {clock(left)} left"] if left is not None else [])])


@contextmanager
def progress(ledger: Ledger, *, together: bool) -> Iterator[Callable[[], None]]:
    """Show the line while the jobs run.

    Args:
        ledger: of the sweep.
        together: jobs run in other processes, so that the line may stay; else a job's own bar takes the place, and
            the line is printed between two jobs.

    Yields:
        What is to be called after a job.
    """
    if not sys.stderr.isatty():
        yield _nothing
        return

    console = Screen(stderr=True)
    if not together:
        yield lambda: console.print(_line(ledger), style="dim")
        return
    with _kept_up_to_date(ledger, console):
        yield _nothing


@contextmanager
def _kept_up_to_date(ledger: Ledger, console: Console) -> Iterator[None]:
    ended = threading.Event()
    with console.status(_line(ledger)) as status:

        def follow() -> None:
            while not ended.wait(EVERY):
                status.update(_line(ledger))

        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        try:
            yield
        finally:
            ended.set()
            follower.join()
    console.print(_line(ledger), style="dim")


def _line(ledger: Ledger) -> str:
    return f"sweep {ledger.name}  {summary(states(ledger), ledger.workers)}"


def _nothing() -> None:
    """Nobody looks."""
