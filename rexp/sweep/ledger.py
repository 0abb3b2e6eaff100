"""A sweep's ledger: what its jobs are, and one file a job that only ever grows.

``<store>/.sweeps/<name>/`` holds ``sweep.json`` (the jobs and the last command), ``jobs/<number>.jsonl`` (what became
of a job, one event a line) and ``jobs/<number>.log`` (what it said, and tracebacks). The name follows from the jobs, so
the same command again goes on in the same ledger. The ledger tells; the store alone decides what is done.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from rexp.errors import StoreError
from rexp.io.atomic import one_line_errors, write_text
from rexp.io.locks import Locks
from rexp.io.text import warn
from rexp.sweep.event import Event, JobEvent, parse

FOLDER = ".sweeps"


@dataclass(frozen=True)
class Ledger:
    """Ledger of a sweep; picklable for worker processes.

    Args:
        directory: the sweep's folder; its last part is the sweep's name.
        jobs: the words of every job.
        round: counts the commands that worked on this sweep.
        owner: host and process of the command.
        workers: jobs that may run at once, where the launcher says so.
        command: the words of the command.
        began: when the command began.
    """

    directory: Path
    jobs: tuple[tuple[str, ...], ...]
    round: int = 1
    owner: tuple[str, int] = field(default_factory=lambda: this_process())
    workers: int | None = None
    command: tuple[str, ...] = ()
    began: str = field(default_factory=lambda: now())

    @property
    def name(self) -> str:
        return self.directory.name

    # The sweep as a whole

    def open(self) -> Ledger:
        """Write the sweep down, or go on in the ledger that is there.

        Returns:
            The ledger, with the number of this command.
        """
        with one_line_errors(self.directory):
            (self.directory / "jobs").mkdir(parents=True, exist_ok=True)
            self._stop_file.unlink(missing_ok=True)
        earlier = read_sweep(self.directory)
        opened = Ledger(**{**vars(self), "round": earlier.round + 1 if earlier else 1})
        write_text(self.directory / "sweep.json", json.dumps({**vars(opened), "directory": None}) + "\n")
        return opened

    def stop(self) -> None:
        """Ask that no further job of this command begins."""
        with one_line_errors(self._stop_file):
            self._stop_file.touch()

    @property
    def stopped(self) -> bool:
        return self._stop_file.exists()

    @property
    def _stop_file(self) -> Path:
        return self.directory / "stop"

    # One job

    def write(
        self,
        number: int,
        event: Event,
        *,
        run: str | None = None,
        cached: bool | None = None,
        seconds: float | None = None,
        error: str | None = None,
        kind: str | None = None,
    ) -> None:
        """Add an event to a job's record: one line in one write, so that readers see it whole or not at all.

        It is not forced to the disk: the store is, and the next command asks the store.
        """
        host, pid = this_process()
        path = self.record_file(number)
        line = JobEvent(event, now(), self.round, host, pid, run, cached, seconds, error, kind).to_line()
        with one_line_errors(path), path.open("ab+", buffering=0) as file:
            file.seek(max(0, file.tell() - 1))
            cut_short = file.read(1) not in (b"", b"\n")  # by a kill or a full disk
            file.write(("\n" if cut_short else "").encode() + f"{line}\n".encode())

    def read(self, number: int) -> list[JobEvent]:
        """A job's events, the oldest first; a line that a kill or a full disk cut short, or that is damaged, is said
        and left out."""
        return [record for record in self._records(number) if record is not None]

    def is_damaged(self, number: int) -> bool:
        """Whether :meth:`read` leaves lines out."""
        return None in self._records(number)

    def _records(self, number: int) -> list[JobEvent | None]:
        """One a line; None for a damaged one."""
        path = self.record_file(number)
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        except FileNotFoundError:
            return []
        records = [parse(line) for line in lines if line]
        if damaged := records.count(None):
            _say(f"{path}: {damaged} of {len(records)} lines are cut short or damaged, and are left out")
        return records

    def read_own(self, number: int) -> list[JobEvent]:
        """Records of this command for a job; another command may work on the same sweep."""
        return [record for record in self.read(number) if record.round == self.round]

    def hold(self, number: int) -> AbstractContextManager[None]:
        """Hold a job while it is worked on; the hold of a process that died is free."""
        return Locks(self.directory / ".locks").hold(self._label(number), what=f"job {number} of sweep {self.name}")

    def is_held(self, number: int) -> bool:
        """Whether a process, here or elsewhere, is at work on a job."""
        return Locks(self.directory / ".locks").is_held_by_another(self._label(number))

    def record_file(self, number: int) -> Path:
        return self.directory / "jobs" / f"{self._label(number)}.jsonl"

    def log_file(self, number: int) -> Path:
        return self.directory / "jobs" / f"{self._label(number)}.log"

    @staticmethod
    def _label(number: int) -> str:
        return f"{number:04d}"


def name_of(jobs: Sequence[Sequence[str]], volatile: Sequence[str] = ("on_error",)) -> str:
    """The name that a sweep over these jobs has: 10 hexadecimal digits.

    Args:
        jobs: the words of every job.
        volatile: keys that make no other sweep.
    """
    kept = [[word for word in words if word.partition("=")[0] not in volatile] for words in jobs]
    return hashlib.sha256(json.dumps(kept).encode()).hexdigest()[:10]


def read_sweep(directory: Path) -> Ledger | None:
    """The sweep of this folder; None where there is none, or none that can be read."""
    try:
        kept = json.loads((directory / "sweep.json").read_bytes())
        return Ledger(
            directory,
            tuple(tuple(words) for words in kept["jobs"]),
            kept["round"],
            (kept["owner"][0], kept["owner"][1]),
            kept["workers"],
            tuple(kept["command"]),
            kept["began"],
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        _say(f"{directory / 'sweep.json'} cannot be read ({error}) and is left out")
        return None


def sweeps(store: Path) -> list[Ledger]:
    """All sweeps of a store, the one that was worked on last at the end."""
    found = map(read_sweep, _folders(store))
    return sorted((ledger for ledger in found if ledger), key=lambda ledger: ledger.began)


def _folders(store: Path) -> list[Path]:
    return [path.parent for path in (store / FOLDER).glob("*/sweep.json")]


def are_readable(store: Path) -> bool:
    """Whether :func:`sweeps` leaves none out."""
    return None not in map(read_sweep, _folders(store))


def find(store: Path, prefix: str | None) -> Ledger:
    """The sweep whose name begins so, or the last one.

    Raises:
        StoreError: there is none, or several begin so.
    """
    known = sweeps(store)
    if not known:
        raise StoreError(f"{store} holds no sweep; start one with: python -m rexp -m model=mf,pop seed=1,2")
    found = [ledger for ledger in known if ledger.name.startswith(prefix)] if prefix else known[-1:]
    if len(found) != 1:
        names = ", ".join(ledger.name for ledger in found or known)
        raise StoreError(f"'{prefix}' is the beginning of {len(found)} sweeps' names; there are: {names}")
    return found[0]


def this_process() -> tuple[str, int]:
    """This host and process."""
    return socket.gethostname(), os.getpid()


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@cache
def _say(line: str) -> None:
    """Said once a process."""
    warn(line)
