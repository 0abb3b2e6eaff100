"""Source files of a data set: where they lie, what they should hash to, and their raw bytes. Imports nothing heavy."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rexp.api import SourceFile
from rexp.errors import DataError
from rexp.io.paths import at_home

MOST_TIMES = 100
"""Interactions as text become 3 to 20 times smaller; gzip can make zeros a thousand times smaller."""
LEAST_BOUND = 2**28
"""Bytes that any file may hold."""
Format = Literal["auto", "csv", "tsv", "parquet", "dat", "inter", "list", "counted_list"]
Pairs = Literal["refuse", "join", "apart"]
"""What several lines ``(user,test item) item ...`` of one user are, in a file of candidates."""
ChecksumState = Literal["ok", "differs", "unpinned"]


@dataclass(frozen=True)
class Columns:
    """Column names or positions by role.

    A column is named by its header, or by its number starting with 1. Null takes a usual name where there is one
    (``user_id``, ``item_id``, ``rating``, ``timestamp`` ...), and without a header the first four columns in this
    order. The empty text leaves a rating or time column unread.
    """

    user: str | int | None = None
    item: str | int | None = None
    rating: str | int | None = None
    time: str | int | None = None


@dataclass(frozen=True)
class Place:
    """Location of a data set's files: ``folder`` under the data folder; published at ``page``.

    Args:
        checksums: sha256 by file name, of the file as stored (so ``x`` and ``x.gz`` each have their own).
    """

    folder: str
    page: str
    checksums: Mapping[str, str]

    def find(self, root: Path | None, *names: str) -> SourceFile:
        """The first of these files that is there, plain or with ``.gz``.

        Raises:
            DataError: none is there; says which file, where it belongs and where it is published.
        """
        if root is None:
            raise DataError(
                f"no data folder is set, so {self.folder}/{names[0]} cannot be found: name one with the environment "
                f"variable REXP_DATA or with paths.data=FOLDER; the file is published at {self.page}"
            )
        found = self.find_optional(root, *names)
        if found is None:
            raise DataError(
                f"{names[0]} (or {names[0]}.gz) is missing: it belongs in {root / self.folder} "
                f"(the data folder is paths.data, or REXP_DATA) and is published at {self.page}"
            )
        return found

    def find_optional(self, root: Path | None, *names: str) -> SourceFile | None:
        """Like :meth:`find`, but None where none is there."""
        for stored in (name + ending for name in names for ending in ("", ".gz")):
            path = (root or Path()) / self.folder / stored
            if root is not None and path.is_file():
                return SourceFile(path, self.checksums.get(stored))
        return None


def own_file(path: str) -> SourceFile:
    """A user's own file; has no known checksum.

    Raises:
        DataError: there is no such file.
    """
    file = at_home(path)
    if not file.is_file():
        raise DataError(f"{file} is missing: no such file (relative paths start at {Path.cwd()})")
    return SourceFile(file)


def checksum_state(source: SourceFile) -> ChecksumState:
    """Whether a file holds what its data set expects."""
    with source.path.open("rb") as file:
        return state_of(source, hashlib.file_digest(file, "sha256").hexdigest())


def state_of(source: SourceFile, sha256: str) -> ChecksumState:
    """Whether a file of this content is what its data set expects."""
    if source.sha256 is None:
        return "unpinned"
    return "ok" if sha256 == source.sha256 else "differs"


def read_bytes(path: Path) -> bytes:
    """A file's content, decompressed where it is gzip (whatever its name).

    Raises:
        DataError: missing, unreadable, empty, or damaged gzip.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}; check the path") from error
    if data[:2] == b"\x1f\x8b":
        try:
            data = _decompressed(data, path)
        except (OSError, EOFError, zlib.error) as error:
            where = f"after line {_whole_lines(data)}"
            raise DataError(f"{path} is damaged gzip {where} ({error}); fetch or compress it again") from error
    if not data or data.isspace():
        raise DataError(f"{path} is empty; a data file needs at least one interaction")
    return data


def _whole_lines(data: bytes) -> int:
    """How many lines can be read from damaged gzip."""
    unpacker = zlib.decompressobj(wbits=31)
    lines = 0
    with contextlib.suppress(zlib.error):
        for start in range(0, len(data), 1 << 10):
            lines += unpacker.decompress(data[start : start + (1 << 10)]).count(b"\n")
    return lines


def _decompressed(data: bytes, path: Path) -> bytes:
    """What a gzip file holds, as long as that is of a size that data have."""
    most = max(LEAST_BOUND, MOST_TIMES * len(data))
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        plain = file.read(most + 1)
    if len(plain) > most:
        raise DataError(
            f"{path} holds more than {most / 2**20:,.0f} MiB, over {MOST_TIMES} times its own size, which no data file "
            "does; if it is meant, decompress it first"
        )
    return plain


def plain_name(path: Path) -> str:
    """The file's name in lower case without ``.gz``."""
    return path.name.lower().removesuffix(".gz")


def existing(sources: Sequence[SourceFile | None]) -> list[SourceFile]:
    """The sources that are there."""
    return [source for source in sources if source is not None]
