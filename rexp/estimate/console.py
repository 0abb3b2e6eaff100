"""An estimate on the screen: a line a run and their sum, and of a single job what each part of it takes."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from rexp.estimate.records import Job, Seconds
from rexp.io.terminal import Screen
from rexp.train.progress import clock

UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
SHORT = 10.0
"""Below so many seconds a clock says too little."""


def show(jobs: Sequence[Job], *, detailed: bool) -> None:
    """Print a plan.

    Args:
        jobs: all runs that a command comes to.
        detailed: of each run that is to be computed the steps and parts, too.
    """
    console = Screen()
    console.print(_table(jobs))
    for job in jobs if detailed else ():
        if job.where == "planned":
            console.print(f"{job.role} {job.title}", style="bold", soft_wrap=True)
            for step in job.steps:
                taken = duration(step.seconds) if step.where == "planned" else step.where
                console.print(f"  {step.words}: {taken}{f'  ({step.note})' if step.note else ''}", soft_wrap=True)
            for name, parts in (("memory", job.memory), ("disk", job.disk)):
                told = ", ".join(f"{part.what} {size(part.bytes)}" for part in parts)
                console.print(f"  {name}: {told}", soft_wrap=True)


def _table(jobs: Sequence[Job]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    table.add_column("run")
    for column in ("", "time", "memory", "disk"):
        table.add_column(column, justify="left" if not column else "right")
    for job in jobs:
        known = {"stored": f"in the store ({job.run})", "shared": "counted above", "planned": ""}[job.where]
        figures = (duration(job.seconds), size(job.peak_bytes), size(job.disk_bytes))
        table.add_row(job.role, job.title, known, *(figures if job.where == "planned" else ("0", "0", "0")))
    table.add_section()
    peak, disk = max((job.peak_bytes for job in jobs), default=0), sum(job.disk_bytes for job in jobs)
    whole = sum((job.seconds for job in jobs), Seconds())
    computed = sum(job.where == "planned" for job in jobs)
    table.add_row("sum", f"{computed} of {len(jobs)} runs to compute", "", duration(whole), size(peak), size(disk))
    return table


def duration(seconds: Seconds) -> str:
    """Seconds as a clock has them, with ``+`` where something of them was not timed.

    >>> duration(Seconds(72.4)), duration(Seconds(0.2)), duration(Seconds(3.0, complete=False))
    ('1:12', '0.2 s', '3.0 s+')
    >>> duration(Seconds(complete=False))
    '?'
    """
    if not seconds.known and not seconds.complete:
        return "?"
    told = f"{seconds.known:.1f} s" if seconds.known < SHORT else clock(seconds.known)
    return told + ("" if seconds.complete else "+")


def size(n_bytes: float) -> str:
    """Bytes in three digits or so.

    >>> size(0), size(999), size(45_300_000), size(7_200_000_000)
    ('0', '999 bytes', '45.3 MB', '7.2 GB')
    """
    if not n_bytes:
        return "0"
    power = 0
    while n_bytes >= 1000 and power < len(UNITS) - 1:
        n_bytes, power = n_bytes / 1000, power + 1
    return f"{n_bytes:.0f} {UNITS[0]}" if power == 0 else f"{n_bytes:.1f} {UNITS[power]}"
