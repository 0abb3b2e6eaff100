"""SIGTERM ends a fit as one clear error; Lightning's own handling would exit with code 0 and say nothing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

from rexp.errors import Interrupted

MESSAGE = "stopped by SIGTERM after epoch {epoch}; the same command goes on from there"


class SigtermHandler:
    """While entered, SIGTERM raises :class:`~rexp.errors.Interrupted` in the main thread.

    The exception may come up at any line, as Ctrl-C does, and code that catches everything may swallow it; so it is
    also remembered, and :meth:`check` raises it again.
    """

    def __init__(self) -> None:
        self.received = False
        self.epoch = 0
        self._held = False
        self._ours = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> SigtermHandler:
        if self._ours:
            self._before = signal.signal(signal.SIGTERM, self._receive)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._ours:
            signal.signal(signal.SIGTERM, self._before)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let this block finish first (files being written, values being logged)."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        self.check()

    def check(self) -> None:
        """Raise what was swallowed or held back."""
        if self.received:
            raise Interrupted(MESSAGE.format(epoch=self.epoch))

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = True
        if not self._held:
            self.check()
