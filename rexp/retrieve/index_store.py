"""Built indexes as artifacts: named by what they hold, mapped into memory when they are there already."""

from __future__ import annotations

import hashlib
import json
import time
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rexp.api.retrieval import NBYTES, NOTES, SEARCHED_WITH
from rexp.errors import RexpError, RunError
from rexp.io.atomic import checksum, one_line_errors, replace_atomically, write_text
from rexp.plugins import registry
from rexp.plugins.code_version import OWN
from rexp.plugins.faults import owner
from rexp.plugins.used_code import used_code

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from rexp.api import Retriever
    from rexp.io.json_types import Json

Array = np.ndarray[Any, Any]

FORMAT = 1
"""Counts up when the files take another form; the code that builds them counts by itself."""


@dataclass(frozen=True)
class IndexFacts:
    """Facts of an index, as they are stored beside it.

    Args:
        fingerprint: what it is known by: SHA-256 of vectors, options and code.
        vectors_sha256: of the vectors' bytes alone.
        built: False where it was found.
        build_seconds: wall time of building it.
        notes: of the retriever, and that a damaged index was built again.
        file: its name in the folder of indexes; None, as ``sha256``, where none is kept.
        bytes: its size.
        sha256: of the file.
    """

    fingerprint: str
    vectors_sha256: str
    built: bool
    build_seconds: float
    notes: list[str]
    file: str | None = None
    bytes: int = 0
    sha256: str | None = None

    def to_dict(self) -> Json:
        """As the result and the record beside the file have it, without what is not known."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def open_index(
    name: str, config: DataclassInstance, vectors: Array, folder: Path | None
) -> tuple[Retriever, IndexFacts]:
    """An index of these vectors: the stored one where there is one, else a new one.

    Args:
        name: short name of the retriever.
        config: its typed options.
        vectors: (I, D) float32.
        folder: where indexes are kept; None keeps none.

    Returns:
        the retriever, ready to search, and the facts of its index.

    Raises:
        ConfigError: the options do not go with the vectors.
        StoreError: the folder cannot be written.
        RunError: the retriever wrote no index to the file that it was given.
    """
    retriever: Retriever = registry.load("retriever", name)(config)
    content = np.ascontiguousarray(vectors, dtype=np.float32)
    vectors_sha256 = hashlib.sha256(content.data).hexdigest()
    known_by = fingerprint(name, config, content.shape, vectors_sha256)
    if folder is None:
        seconds = _build(retriever, content)
        notes = list(NOTES.of(retriever))
        return retriever, IndexFacts(known_by, vectors_sha256, True, seconds, notes, bytes=_size(retriever, content))
    path = folder / f"{known_by[:16]}.faiss"
    record, damage = _record(path)
    if record and not damage:
        try:
            retriever.load(path)
            return retriever, replace(record, built=False)
        except RexpError as error:
            damage = str(error)
    with one_line_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    seconds = _build(retriever, content)
    notes = [*NOTES.of(retriever), *([f"built again: {damage}"] if damage else [])]
    replace_atomically(path, lambda temporary: _save(retriever, temporary))
    facts = IndexFacts(known_by, vectors_sha256, True, seconds, notes, path.name, path.stat().st_size, checksum(path))
    # Last: an index without it does not count.
    stored = facts.to_dict()
    write_text(_beside(path), json.dumps({**stored, "crc": _crc(stored)}, indent=1))
    return retriever, facts


def fingerprint(name: str, config: DataclassInstance, shape: tuple[int, ...], vectors_sha256: str) -> str:
    """What an index is known by: SHA-256 of its vectors, of the options it is built with, and of the code.

    Options that are read in a search alone, the class's ``searched_with``, are left out.
    """
    ignored = SEARCHED_WITH.of(registry.load("retriever", name))
    parts: Json = {
        "format": FORMAT,
        "vectors": vectors_sha256,
        "shape": list(shape),
        "retriever": name,
        "options": {key: value for key, value in asdict(config).items() if key not in ignored},
        "code": used_code([("retriever", name)], __name__),
    }
    if registry.find("retriever", name).distribution == OWN:
        import faiss

        parts["faiss"] = faiss.__version__
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _build(retriever: Retriever, vectors: Array) -> float:
    """The seconds that it takes."""
    start = time.perf_counter()
    retriever.build(vectors)
    return time.perf_counter() - start


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


def _crc(facts: Json) -> int:
    return zlib.crc32(json.dumps(facts, sort_keys=True).encode())


def _record(path: Path) -> tuple[IndexFacts | None, str]:
    """What is written of a stored index, and what is wrong with it; nothing where there is none."""
    beside = _beside(path)
    if not beside.is_file():
        return None, ""
    try:
        stored: Json = json.loads(beside.read_bytes())
        whole = stored.pop("crc") == _crc(stored)
        record = IndexFacts(**stored)
        whole = whole and (record.bytes, record.sha256) == (path.stat().st_size, checksum(path))
    except (OSError, ValueError, KeyError, TypeError) as error:
        return None, f"{path.name} or what is written of it cannot be read ({type(error).__name__})"
    return record, "" if whole else f"{path.name} is not as it was written"


def _beside(path: Path) -> Path:
    return path.with_suffix(".json")
