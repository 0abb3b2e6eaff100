"""Status of every job of a sweep, from its records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import TYPE_CHECKING, Literal

from rexp.sweep.ledger import Ledger, now

if TYPE_CHECKING:
    from rexp.sweep.event import JobEvent

Status = Literal["to do", "running", "done", "failed", "interrupted"]


@dataclass(frozen=True)
class JobState:
    """A job as its last events have it.

    Args:
        status: ``interrupted`` is also one whose process died and left no word.
        run: the id of its run, once it is known.
        computed: the run was computed by a job of this sweep; else it was in the store.
        seconds: what the run took that a job computed, or what a running job has taken so far.
        error: the first line of what went wrong, and ``kind``, the name of its class.
    """

    number: int
    words: tuple[str, ...]
    status: Status
    run: str | None = None
    computed: bool = False
    seconds: float | None = None
    error: str | None = None
    kind: str | None = None


def states(ledger: Ledger) -> list[JobState]:
    """All jobs of a sweep, in their order."""
    return [state(ledger, number) for number in range(len(ledger.jobs))]


def state(ledger: Ledger, number: int) -> JobState:
    """One job. What failed or was cut off under an earlier command is to do again under the next one."""
    words, records = ledger.jobs[number], ledger.read(number)
    last = records[-1] if records else None
    if last is None:
        return JobState(number, words, "to do")
    status = _status(ledger, number, last)
    computed = [record for record in records if record.event == "done" and not record.cached]
    seconds: float | None
    if status == "running":
        seconds = _since(next(record for record in reversed(records) if record.event == "started"))
    else:
        seconds = computed[-1].seconds if computed else None
    return JobState(
        number,
        words,
        status,
        run=next((record.run for record in reversed(records) if record.run is not None), None),
        computed=bool(computed),
        seconds=seconds,
        error=last.error,
        kind=last.kind,
    )


def _status(ledger: Ledger, number: int, last: JobEvent) -> Status:
    event = last.event
    if event == "done":
        return "done"
    if event in ("started", "computing"):
        if ledger.is_held(number):
            return "running"
        event = "interrupted"
    if last.round < ledger.round:
        return "to do"
    return "failed" if event == "failed" else "interrupted"


def _since(begun: JobEvent) -> float:
    return (datetime.fromisoformat(now()) - datetime.fromisoformat(begun.at)).total_seconds()


def counts(jobs: Iterable[JobState]) -> Counter[str]:
    """Number of jobs by status."""
    return Counter(job.status for job in jobs)


def seconds_left(jobs: Sequence[JobState], workers: int | None) -> float | None:
    """An estimate from what the finished jobs took, of which those answered from the store tell nothing.

    Args:
        jobs: all jobs of the sweep.
        workers: jobs that run at once; None takes those that run now.

    Returns:
        Seconds; None as long as nothing was computed.
    """
    took = [job.seconds for job in jobs if job.status == "done" and job.computed and job.seconds is not None]
    if not took:
        return None
    each = fmean(took)
    running = [max(0.0, each - (job.seconds or 0.0)) for job in jobs if job.status == "running"]
    waiting = sum(job.status in ("to do", "interrupted") for job in jobs)
    together = max(1, min(workers or len(running), len(running) + waiting))
    return max((each * waiting + sum(running)) / together, max(running, default=0.0))


def differing(jobs: Sequence[Sequence[str]]) -> list[str]:
    """Distinguishing overrides of each job.

    >>> differing([["data=csv", "seed=1"], ["data=csv", "seed=2"]])
    ['seed=1', 'seed=2']
    """
    common = set(jobs[0]).intersection(*jobs[1:]) if len(jobs) > 1 else set()
    return [" ".join(word for word in words if word not in common) for words in jobs]
