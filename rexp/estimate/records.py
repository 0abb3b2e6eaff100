"""Records of an estimate: what a job will need, part by part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Where = Literal["planned", "stored", "shared"]
"""A run or step is to be computed; or is in the store; or another job of the same plan computes it."""


@dataclass(frozen=True)
class Part:
    """Bytes that one thing takes.

    Args:
        what: the thing.
        bytes: of it.
        option: what makes it smaller.
    """

    what: str
    bytes: int
    option: str


@dataclass(frozen=True)
class Seconds:
    """A time as far as it is known.

    Args:
        known: the sum of what was timed.
        complete: nothing is missing from it.
    """

    known: float = 0.0
    complete: bool = True

    def __add__(self, other: Seconds) -> Seconds:
        return Seconds(self.known + other.known, self.complete and other.complete)


NOT_TIMED = Seconds(complete=False)


@dataclass(frozen=True)
class Step:
    """One step of a run.

    Args:
        words: the step as ``compress.order`` has it, or ``evaluate``.
        seconds: of computing it.
        where: who has it.
        note: how the time is made up, or why it is not known; whose step is taken.
    """

    words: str
    seconds: Seconds
    where: Where = "planned"
    note: str = ""


@dataclass(frozen=True)
class Job:
    """One run that a command makes, or takes from the store.

    Args:
        role: ``run``, the key of a teacher (``teacher``, ``teachers.a``), or ``reference``.
        title: the job as messages name it.
        run: its id.
        where: who has it.
        users, items, rows: of its data; rows of the training part.
        memory: what it holds at once.
        disk: what it writes.
        steps: in their order, the evaluation last.
        dense_bytes: of the model's parameters and buffers.
    """

    role: str
    title: str
    run: str
    where: Where
    users: int
    items: int
    rows: int
    memory: tuple[Part, ...] = ()
    disk: tuple[Part, ...] = ()
    steps: tuple[Step, ...] = ()
    dense_bytes: int = 0

    @property
    def seconds(self) -> Seconds:
        """Of what is still to be computed."""
        return sum((step.seconds for step in self.steps if step.where == "planned"), Seconds())

    @property
    def peak_bytes(self) -> int:
        """Memory at once; 0 where nothing is computed."""
        return sum(part.bytes for part in self.memory)

    @property
    def disk_bytes(self) -> int:
        """Bytes that are written; 0 where nothing is computed."""
        return sum(part.bytes for part in self.disk)

    def shared(self) -> Job:
        """The same, computed by another job of the plan."""
        return replace(self, where="shared", memory=(), disk=(), steps=())
