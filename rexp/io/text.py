"""Messages to the user, robust to control characters and to any terminal encoding."""

from __future__ import annotations

import codecs
import logging
import sys
from functools import cache

from rexp.errors import visible

PLAINER = {"·": "|", "±": "+-", "†": "+", "‡": "#", "…": "...", "─": "-"}
"""What stands for a letter of rexp's own that the screen does not have."""
HANDLER = "rexp"
LOGGER = logging.getLogger("rexp")


def say(line: str, level: int = logging.INFO) -> None:
    """Tell the user something beside the output: where a file is, how far a run is."""
    LOGGER.log(level, "%s", visible(line))


def warn(line: str) -> None:
    """Tell the user what may not be as it was meant."""
    say(f"note: {line}", logging.WARNING)


@cache
def note(line: str) -> None:
    """A warning once a process: the jobs of a sweep share their data, and what is to be noted about it."""
    warn(line)


def fail(line: str) -> None:
    """Tell the user what went wrong."""
    say(f"rexp: {line}", logging.ERROR)


def show_whatever_comes() -> None:
    """Let standard output and error write, in their own encoding, a stand-in for what it does not have."""
    codecs.register_error(HANDLER, _stand_in)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=HANDLER)


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    """
    >>> "0.41 ± é".encode("ascii", HANDLER) if not codecs.register_error(HANDLER, _stand_in) else None
    b'0.41 +- \\\\xe9'
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(PLAINER.get(x) or x.encode("ascii", "backslashreplace").decode() for x in letters), error.end
