"""Text of others on a screen: shown as it is, whatever it holds, and whatever the screen can show."""

from __future__ import annotations

import codecs
import sys
from functools import cache

from rexp.errors import visible

PLAINER = {"·": "|", "±": "+-", "†": "+", "‡": "#", "…": "...", "─": "-"}
"""What stands for a letter of rexp's own that the screen does not have."""
HANDLER = "rexp"


def say(line: str) -> None:
    """Tell the user something beside the output: a note, a warning, where a file is."""
    print(visible(line), file=sys.stderr, flush=True)


@cache
def note(line: str) -> None:
    """Said once a process: the jobs of a sweep share their data, and what is to be noted about it."""
    say(f"note: {line}")


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
