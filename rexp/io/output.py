"""Output targets of tables, pages and figures: the screen, an atomically written file, or a device."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from rexp.errors import StoreError, visible
from rexp.io.atomic import replace_atomically


def print_or_write(path: Path, text: str) -> None:
    """Print the text where ``path`` is ``-``, else write it there; see :func:`write`."""
    if str(path) == "-":
        print(visible(text) if sys.stdout.isatty() else text, end="")
    else:
        write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write(path: Path, make: Callable[[Path], object]) -> None:
    """Let ``make`` write a file under a temporary name, and give it its own when it is whole.

    A symbolic link is followed, and stays. What is no regular file (a device, a pipe) is written into, and stays too.

    Args:
        path: where to.
        make: is called with the temporary path, which has the ending of ``path``.

    Raises:
        StoreError: the file cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            _write_through(path, make)
        else:
            replace_atomically(Path(os.path.realpath(path)), make)
    except (StoreError, OSError) as error:
        cause = error.__cause__ if isinstance(error, StoreError) else error
        reason = cause.strerror if isinstance(cause, OSError) else error
        raise StoreError(f"{path} cannot be written: {reason}; name another file") from error


def _write_through(path: Path, make: Callable[[Path], object]) -> None:
    with TemporaryDirectory() as folder, path.open("wb") as stream:
        made = Path(folder) / path.name
        make(made)
        with made.open("rb") as content:
            shutil.copyfileobj(content, stream)
