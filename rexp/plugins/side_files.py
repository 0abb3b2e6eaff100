"""Side files named by plugin options (embeddings, encoders, weights), whose content is part of a run's identity."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from rexp.errors import ConfigError
from rexp.io.content_hash import FileContent, file_content

if TYPE_CHECKING:
    from rexp.io.json_types import JsonView

MOST_FILES = 10_000
"""Files of one folder that is named."""

Found = dict[str, list[FileContent]]


def side_files(node: Any, where: str, memory: Path | None) -> Found:
    """The files that options name, by their keys.

    An option names a file where it is a :class:`Path`, or text with a separator or an ending, and a file or folder lies
    there; of a folder, all files count but hidden ones.

    Args:
        node: options, nested as they are.
        where: the key of the node: ``model``; or "".
        memory: see :func:`rexp.io.content_hash.file_content`.

    Raises:
        ConfigError: a folder holds too many files.
        DataError: a file cannot be read.
    """
    return {key: [file_content(file, memory) for file in files] for key, files in _named(node, where)}


def _named(node: Any, where: str) -> Iterator[tuple[str, list[Path]]]:
    if isinstance(node, Mapping):
        for key, member in node.items():
            yield from _named(member, f"{where}.{key}" if where else str(key))
    elif isinstance(node, str | PurePath):
        if files := _files(node, where):
            yield where, files
    elif isinstance(node, Sequence):
        for place, member in enumerate(node):
            yield from _named(member, f"{where}[{place}]")


def _files(named: str | PurePath, where: str) -> list[Path]:
    text = str(named)
    path = Path(text).expanduser() if text.startswith("~") else Path(text)
    if isinstance(named, str) and not (os.sep in text or "/" in text or path.suffix):
        return []
    try:
        if path.is_file():
            return [path]
        if not path.is_dir():
            return []
    except (OSError, ValueError):  # too long, or a NUL: no path
        return []
    found: list[Path] = []
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(folder, name) for name in sorted(names) if not name.startswith(".")]
        if len(found) > MOST_FILES:
            raise ConfigError(f"{where}={text} is a folder of more than {MOST_FILES} files; name the one that is read")
    return [file for file in found if file.is_file()]


def as_identity(found: Found) -> dict[str, list[list[str]]]:
    """Names and sha256 by key, for what is hashed into an identity: in which folder the files lie is no part of it."""
    return {key: [[file.name, file.sha256] for file in files] for key, files in sorted(found.items())}


def unchanged(recorded: JsonView, memory: Path | None) -> bool:
    """Whether the files that a result names hold what they held when it was made.

    Args:
        recorded: the result's ``side_files``: facts of files by key.
    """
    return all(
        Path(facts["path"]).is_file() and file_content(Path(facts["path"]), memory).sha256 == facts["sha256"]
        for files in recorded.values()
        for facts in files
    )
