"""Where the messages of the logger ``rexp`` go: plain lines on standard error, unless a program logs for itself."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rexp.io.text import LOGGER


class StderrHandler(logging.Handler):
    """Writes to what ``sys.stderr`` is at that moment: bars, notebooks and tests put their own there."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            print(self.format(record), file=sys.stderr, flush=True)
        except RecursionError:
            raise
        except Exception:
            self.handleError(record)


@contextmanager
def messages_shown() -> Iterator[None]:
    """Write rexp's messages to standard error meanwhile, as the command line and its processes do.

    A level that the logger has been given stays, and with it what is silenced.
    """
    if any(isinstance(handler, StderrHandler) for handler in LOGGER.handlers):
        yield
        return
    handler, level = StderrHandler(), LOGGER.level
    LOGGER.addHandler(handler)
    if level == logging.NOTSET:
        LOGGER.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        if level == logging.NOTSET:
            LOGGER.setLevel(logging.NOTSET)


@contextmanager
def messages_shown_by_default() -> Iterator[None]:
    """The same where the program that calls rexp has no handler of its own; else its logging decides."""
    if LOGGER.hasHandlers():
        yield
        return
    with messages_shown():
        yield
