"""Where a table, page or picture goes: the screen, or a file that is there whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rexp.errors import StoreError
from rexp.store.files import replace_atomically


def print_or_write(path: Path, text: str) -> None:
    """Print the text where ``path`` is ``-``, else write it there; see :func:`write`."""
    if str(path) == "-":
        print(text, end="")
    else:
        write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write(path: Path, make: Callable[[Path], object]) -> None:
    """Let ``make`` write a file under a temporary name, and give it its own when it is whole.

    Raises:
        StoreError: the file cannot be written.
    """
    try:
        replace_atomically(path, make)
    except StoreError as error:
        cause = error.__cause__
        reason = cause.strerror if isinstance(cause, OSError) else error
        raise StoreError(f"{path} cannot be written: {reason}; name another file") from error
