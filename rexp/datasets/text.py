"""Text of a file, decoded, and its lines."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from rexp.datasets.files import read_bytes
from rexp.errors import DataError

TAIL = 4096
"""Bytes at the end of a text that are looked at first for blank lines, so that it need not be copied."""


def as_utf8(data: bytes, path: Path, encoding: str = "utf-8") -> bytes:
    """The text in UTF-8 without a byte-order mark and blank last lines, its lines ended by a line feed alone.

    Raises:
        DataError: it is not in this encoding; says in which line.
    """
    if data.isascii() and encoding in ("utf-8", "latin-1"):
        return _lines_ended(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        hint = "set data.encoding, e.g. latin-1" if error.encoding == "utf-8" else f"mend data.encoding={encoding}"
        raise DataError(f"{path}, line {line}, cannot be decoded: {error}; {hint}") from error
    except (LookupError, UnicodeError) as error:
        raise DataError(f"{path} cannot be decoded: {error}; mend data.encoding={encoding}") from error
    return _lines_ended(text.removeprefix("\ufeff").encode())


def _lines_ended(data: bytes) -> bytes:
    """The text without blank last lines, its lines ended by a line feed alone."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n") if b"\n" in data else data.replace(b"\r", b"\n")
    tail = data[-TAIL:] if data[-TAIL:].strip() else data
    end = data.find(b"\n", len(data) - len(tail) + len(tail.rstrip()))
    return data if end < 0 else data[: end + 1]


def read_lines(path: Path) -> pl.Series:
    """The lines of a text file, without blank ones at its end."""
    return lines_of(as_utf8(read_bytes(path), path))


def lines_of(data: bytes) -> pl.Series:
    """The lines of a text in UTF-8."""
    return pl.Series("line", data.decode().removesuffix("\n").split("\n"))


def first_line(data: bytes) -> str:
    """The first line of a text in UTF-8, whatever is no character replaced."""
    end = data.find(b"\n")
    return (data if end < 0 else data[:end]).decode("utf-8", errors="replace").strip("\r")
