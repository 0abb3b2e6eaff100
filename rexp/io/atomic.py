"""Files that are there whole or not at all, and errors of the file system in one line."""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.errors import StoreError

if TYPE_CHECKING:
    import polars as pl


@contextmanager
def one_line_errors(path: Path, option: str = "paths.store") -> Iterator[None]:
    """Turn an ``OSError`` into a :class:`~rexp.errors.StoreError` that names the path, the reason and the way out.

    Args:
        path: what is written.
        option: the key that puts it elsewhere.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(explain(error, path, option)) from error


def explain(error: OSError, path: Path, option: str = "paths.store") -> str:
    """Error message for a path of the store, with a way out."""
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        advice = "make room on that disk"
    elif error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        advice = "a file stands where a folder should, or the other way round; move it"
    else:
        advice = "see to its permissions"
    return f"{path} cannot be written: {reason}; {advice}, or choose another folder with {option}=FOLDER"


def replace_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` make a file under a temporary name, and give it its own name when it is safe on the disk.

    Args:
        path: the file to make or replace.
        write: is called with the temporary path.

    Raises:
        StoreError: the file system refused; ``path`` is as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with one_line_errors(path):
        try:
            temporary.touch()
            mode = temporary.stat().st_mode  # as the umask has it; some writers close their files to all others
            write(temporary)
            temporary.chmod(mode)
            _sync(temporary)
            temporary.replace(path)
            _sync(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically; see :func:`replace_atomically`."""
    replace_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame; polars itself has an error of its own for a full disk."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    path.write_bytes(buffer.getbuffer())


def _sync(path: Path) -> None:
    """Force to the disk; some file systems cannot do this for a folder, and that is no fault."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not path.is_dir() or error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(descriptor)


def checksum(path: Path) -> str:
    """sha256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe_text(text: str) -> dict[str, str | int]:
    """:func:`describe` of the file that a text will be."""
    raw = text.encode()
    return {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}


def describe(path: Path) -> dict[str, str | int]:
    """A file's size in bytes and sha256, to know it by."""
    return {"bytes": path.stat().st_size, "sha256": checksum(path)}
