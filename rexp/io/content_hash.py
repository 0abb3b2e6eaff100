"""Content hashes of files: content decides identity, file stamps only save hashing again.

A name, size or time of change is no content: ``cp -p``, ``rsync -t`` and archives keep them. The time of the last
change of status (ctime) is set by the system alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.errors import DataError, StoreError
from rexp.io.atomic import write_text

if TYPE_CHECKING:
    from rexp.io.json_types import Json

Stamp = tuple[int, int, int, int, int]
TICK = 2_000_000_000
"""Nanoseconds (the coarsest clock of a file system) within which a file may change again under the same stamp."""
STAMPED = os.name != "nt"
"""Windows has the time of creation in the place of ctime, which tells nothing."""


@dataclass(frozen=True)
class FileContent:
    """A file as it was read: its absolute path, size in bytes and sha256."""

    path: str
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        return Path(self.path).name

    def facts(self) -> Json:
        """As manifests have it."""
        return asdict(self)


def hashes(cache: Path) -> Path:
    """Location of cached content hashes."""
    return cache / "hashes"


def file_content(path: Path, memory: Path | None) -> FileContent:
    """Content hash of a file; recomputed unless path, inode, size, mtime and ctime match an earlier one.

    Args:
        path: an existing file.
        memory: folder in which hashes are kept; None, or one that cannot be written, keeps none.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        whole = path.resolve()
        with whole.open("rb") as file:
            stamp = _stamp(os.fstat(file.fileno()))
            beside = memory / f"{hashlib.sha256(os.fsencode(whole)).hexdigest()[:32]}.json" if memory else None
            if STAMPED and beside and (known := _remembered(beside, str(whole), stamp)):
                return FileContent(str(whole), stamp[2], known)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            after = _stamp(os.fstat(file.fileno()))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}; check the path") from error
    if beside and stamp == after and time.time_ns() - stamp[4] > TICK:
        _remember(beside, str(whole), stamp, sha256)
    return FileContent(str(whole), after[2], sha256)


def _stamp(status: os.stat_result) -> Stamp:
    """Device, inode, bytes, mtime and ctime in ns."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _remembered(file: Path, path: str, stamp: Stamp) -> str | None:
    """The hash that was written for exactly this file; None where there is none, or the record is damaged."""
    try:
        kept = json.loads(file.read_bytes())
        sha256 = str(kept["sha256"])
        whole = kept == _record(path, stamp, sha256)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return sha256 if whole else None


def _remember(file: Path, path: str, stamp: Stamp, sha256: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, json.dumps(_record(path, stamp, sha256)))
    except (OSError, StoreError):
        return  # it will be hashed again


def _record(path: str, stamp: Stamp, sha256: str) -> Json:
    content = {"path": path, "stamp": list(stamp), "sha256": sha256}
    return {**content, "crc": zlib.crc32(json.dumps(content).encode())}
