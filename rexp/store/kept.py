"""Rebuildable cached files, each with a record of its content and its inputs."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.io.atomic import describe, replace_atomically, write_text
from rexp.store.identity import canonical_json

if TYPE_CHECKING:
    from rexp.io.json_types import JsonView


def fault_of(path: Path, origin: JsonView | None = None) -> str | None:
    """Damage of a cached file in words; None if it is intact.

    Args:
        path: the file; it need not exist.
        origin: what it must have been made from; None takes any.
    """
    if not path.is_file():
        return f"{path} is missing"
    try:
        record = json.loads(_beside(path).read_bytes())
        content, crc = record["content"], record["crc"]
        if crc != _crc(content) or record.keys() != {"content", "crc"}:
            return f"{_beside(path)} does not fit its checksum"
        if origin is not None and canonical_json(content["origin"]) != canonical_json(origin):
            return f"{path} was made from something else"
        if describe(path) != {"bytes": content["bytes"], "sha256": content["sha256"]}:
            return f"{path} does not fit its checksum"
    except (OSError, ValueError, KeyError, TypeError):
        return f"{_beside(path)} cannot be read"
    return None


def has_record(path: Path) -> bool:
    """Whether there is a record beside a file; earlier versions wrote none."""
    return _beside(path).exists()


def keep(path: Path, origin: JsonView, write: Callable[[Path], object]) -> None:
    """Write a file whole or not at all, then the record without which it does not count.

    Raises:
        StoreError: the folder cannot be written.
    """
    _beside(path).unlink(missing_ok=True)
    replace_atomically(path, write)
    content = {"origin": json.loads(canonical_json(origin)), **describe(path)}
    write_text(_beside(path), json.dumps({"content": content, "crc": _crc(content)}, indent=1) + "\n")


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _crc(content: JsonView) -> int:
    return zlib.crc32(canonical_json(content).encode())
