"""One process at a time makes a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.io.atomic import one_line_errors
from rexp.io.text import warn

if TYPE_CHECKING:
    from filelock import BaseFileLock


@contextmanager
def locked(file: Path, option: str = "paths.store") -> Iterator[None]:
    """Hold a lock file alone, among all processes; its folder is made where it is not there.

    Raises:
        StoreError: the folder cannot be written; names the ``option`` that puts it elsewhere.
    """
    from filelock import FileLock

    lock = FileLock(file)
    with one_line_errors(file.parent, option):
        file.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


class Locks:
    """Locks by name, among all processes; that of a process that died is free.

    Args:
        folder: where the lock files lie; made when the first is taken.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine: set[str] = set()

    @contextmanager
    def hold(self, name: str, what: str = "") -> Iterator[None]:
        """Wait for the lock, saying so once, and hold it; ``what`` is what the lock stands for, in words."""
        from filelock import Timeout

        with one_line_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = self._lock(name)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                warn(f"{what or f'run {name}'} is being made by another process; waiting for it")
                lock.acquire()
        self._mine.add(name)
        try:
            yield
        finally:
            self._mine.discard(name)
            lock.release()

    def is_held_by_another(self, name: str) -> bool:
        """Tried only where there is a lock file, so that looking changes nothing in the folder."""
        if name in self._mine or not self._file(name).exists():
            return False
        from filelock import Timeout

        try:
            with self._lock(name).acquire(timeout=0):
                return False
        except Timeout:
            return True
        except OSError:
            return False

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.lock"

    def _lock(self, name: str) -> BaseFileLock:
        from filelock import FileLock

        return FileLock(self._file(name))
