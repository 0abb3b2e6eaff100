"""Built indexes as artifacts: named by what they hold, mapped into memory when they are there already."""

from __future__ import annotations

import hashlib
import json
import time
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rexp.api.retrieval import NBYTES, NOTES, SEARCHED_WITH
from rexp.errors import RexpError, RunError
from rexp.io.atomic import describe, one_line_errors, replace_atomically, write_text
from rexp.plugins import registry
from rexp.plugins.code_version import OWN
from rexp.plugins.faults import owner
from rexp.plugins.used_code import used_code

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from rexp.api import Retriever

Array = np.ndarray[Any, Any]

FORMAT = 1
"""Counts up when the files take another form; the code that builds them counts by itself."""


def open_index(
    name: str, config: DataclassInstance, vectors: Array, folder: Path | None
) -> tuple[Retriever, dict[str, Any]]:
    """An index of these vectors: the stored one where there is one, else a new one.

    Args:
        name: short name of the retriever.
        config: its typed options.
        vectors: (I, D) float32.
        folder: where indexes are kept; None keeps none.

    Returns:
        the retriever, ready to search; and facts: ``fingerprint`` of vectors and options, ``vectors_sha256``,
        ``bytes``, ``built`` (False where it was found), ``build_seconds``, ``notes``; in a folder ``file`` and its
        ``sha256``.

    Raises:
        ConfigError: the options do not go with the vectors.
        StoreError: the folder cannot be written.
        RunError: the retriever wrote no index to the file that it was given.
    """
    retriever: Retriever = registry.load("retriever", name)(config)
    content = np.ascontiguousarray(vectors, dtype=np.float32)
    facts = fingerprint(name, config, content)
    if folder is None:
        facts |= _build(retriever, content)
        return retriever, facts | {"bytes": _size(retriever, content)}
    path = folder / f"{facts['fingerprint'][:16]}.faiss"
    record, damage = _record(path)
    if record and not damage:
        try:
            retriever.load(path)
            return retriever, record | {"built": False}
        except RexpError as error:
            damage = str(error)
    with one_line_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    facts |= _build(retriever, content)
    if damage:
        facts["notes"] = [*facts["notes"], f"built again: {damage}"]
    replace_atomically(path, lambda temporary: _save(retriever, temporary))
    facts |= {"file": path.name, **describe(path)}
    # Last: an index without it does not count.
    write_text(_beside(path), json.dumps({**facts, "crc": _crc(facts)}, indent=1))
    return retriever, facts


def fingerprint(name: str, config: DataclassInstance, vectors: Array) -> dict[str, Any]:
    """What an index is known by: SHA-256 of the vectors' bytes, of the options it is built with, and of the code.

    Options that are read in a search alone, the class's ``searched_with``, are left out.
    """
    held = hashlib.sha256(np.ascontiguousarray(vectors).data).hexdigest()
    ignored = SEARCHED_WITH.of(registry.load("retriever", name))
    parts: dict[str, Any] = {
        "format": FORMAT,
        "vectors": held,
        "shape": list(vectors.shape),
        "retriever": name,
        "options": {key: value for key, value in asdict(config).items() if key not in ignored},
        "code": used_code([("retriever", name)], __name__),
    }
    if registry.find("retriever", name).distribution == OWN:
        import faiss

        parts["faiss"] = faiss.__version__
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return {"fingerprint": hashlib.sha256(text.encode()).hexdigest(), "vectors_sha256": held}


def _build(retriever: Retriever, vectors: Array) -> dict[str, Any]:
    start = time.perf_counter()
    retriever.build(vectors)
    return {
        "built": True,
        "build_seconds": time.perf_counter() - start,
        "notes": list(NOTES.of(retriever)),
    }


def _save(retriever: Retriever, path: Path) -> None:
    """Let it write its index, and see that it did."""
    retriever.save(path)
    if not path.is_file() or not path.stat().st_size:
        others = sorted(other for other in path.parent.glob(f"{path.name}*") if other != path)
        for other in others:
            other.unlink()
        wrote = (
            f", but {others[0].name}; numpy.save adds an ending to a name, so give it an open file" if others else ""
        )
        raise RunError(
            f"{owner(retriever)} wrote no index to the file that save() was given{wrote} (rexp.api.Retriever)"
        )


def _size(retriever: Retriever, vectors: Array) -> int:
    """Bytes of an index that was not written; of one that does not say, those of the vectors."""
    size = NBYTES.of(retriever)
    return vectors.nbytes if size is None else int(size)


def damage_of(path: Path) -> str:
    """Damage of a stored index in words; "" if it is intact."""
    record, damage = _record(path)
    return damage or ("" if record else f"there is no record of {path.name}")


def _crc(facts: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(facts, sort_keys=True).encode())


def _record(path: Path) -> tuple[dict[str, Any] | None, str]:
    """What is written of a stored index, and what is wrong with it; nothing where there is none."""
    beside = _beside(path)
    if not beside.is_file():
        return None, ""
    try:
        record: dict[str, Any] = json.loads(beside.read_bytes())
        found = describe(path)
        whole = record.pop("crc") == _crc(record) and found == {key: record[key] for key in found}
    except (OSError, ValueError, KeyError, TypeError) as error:
        return None, f"{path.name} or what is written of it cannot be read ({type(error).__name__})"
    return record, "" if whole else f"{path.name} is not as it was written"


def _beside(path: Path) -> Path:
    return path.with_suffix(".json")
