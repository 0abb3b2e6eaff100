"""Index of the store: summaries of finished runs for lists and tables.

``<store>/.index/`` has two files, ``briefs`` and ``summaries``, with one line a run: a checksum, the run, the stamp of
its ``result.json``, and a part of the result as JSON. They can be deleted at any time: a line counts only while it fits
its checksum and the stamp fits the file, and what has none is read from the result itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rexp.errors import StoreError
from rexp.io.atomic import write_text
from rexp.io.content_hash import STAMPED, TICK
from rexp.io.locks import locked

if TYPE_CHECKING:
    from rexp.io.json_types import Json, JsonView

Part = Literal["briefs", "summaries"]
FOLDER = ".index"
HEADER = "rexp index 4"
"""Another number when the parts hold something else."""
LEFT_OUT = ("fit", "steps", "parts", "weights", "capabilities", "content_sha256", "manifest")
"""What no table shows."""


@dataclass(frozen=True)
class Entry:
    """A finished run: the stamp of its result, and a part of the result as JSON."""

    stamp: str
    text: str

    @property
    def part(self) -> Json:
        return dict(json.loads(self.text))


def brief(result: JsonView) -> Json:
    """Summary of a run for comparisons: id, seed, model, steps, teacher, protocol and metrics."""
    config, data, facts = result.get("config") or {}, result.get("data") or {}, result.get("facts") or {}
    return {
        "run_id": result["run_id"],
        "labels": {key: value for key, value in (result.get("labels") or {}).items() if key == "model"},
        "config": {
            "seed": config.get("seed"),
            "model": config.get("model"),
            "teacher": config.get("teacher"),
            "compress": {"order": (config.get("compress") or {}).get("order")},
        },
        "data": {"fingerprint": data.get("fingerprint")},
        "facts": {"protocol_id": facts.get("protocol_id")},
        "metrics": result.get("metrics") or {},
        "valid": result.get("valid") or {},
        "baselines": result.get("baselines") or {},
    }


def summary(result: JsonView) -> Json:
    """The result without what no table shows (epochs, tensors, how the data was prepared), and its
    :func:`configuration_of`."""
    found = {key: value for key, value in result.items() if key not in LEFT_OUT}
    for key, without in (("data", {"report"}), ("facts", {"by_popularity", "reliability"})):
        if key in found:
            found[key] = {name: value for name, value in found[key].items() if name not in without}
    return {**found, "configuration": configuration_of(result.get("config") or {})}


def configuration_of(config: JsonView) -> str:
    """32 hexadecimal digits that runs have in common which differ in nothing but the seed."""
    kept = {key: node for key, node in config.items() if key != "seed"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:32]


PARTS: Mapping[Part, Callable[[JsonView], Json]] = {"briefs": brief, "summaries": summary}


def stamp_of(path: str) -> str | None:
    """Inode, bytes, mtime and ctime (ns) of a ``result.json``; None where there is none, "" where its content may still
    change under its stamp."""
    try:
        status = os.stat(path)  # noqa: PTH116 - of thousands
    except OSError:
        return None
    if not STAMPED or time.time_ns() - status.st_ctime_ns < TICK:
        return ""
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def load(store: Path, part: Part) -> dict[str, Entry]:
    """The entries by run; a line that is damaged, or of a store that lay elsewhere, is left out."""
    try:
        header, *lines = (store / FOLDER / part).read_bytes().split(b"\n")
    except OSError:
        return {}
    if header != _header(store).encode():
        return {}
    return dict(pair for line in lines if (pair := _parse(line)))


def add(store: Path, results: Sequence[tuple[str, JsonView]]) -> None:
    """Put results, each with its stamp, into the index; a store that cannot be written keeps what it has."""
    stamped = [(stamp, result) for stamp, result in results if stamp]
    if not stamped:
        return
    try:
        with locked(store / ".locks" / "index.lock"):
            for part, take in PARTS.items():
                new = {str(result["run_id"]): Entry(stamp, _text(take(result))) for stamp, result in stamped}
                kept = load(store, part) | new
                lines = [_line(run, kept[run]) for run in sorted(kept) if (store / run).is_dir()]
                (store / FOLDER).mkdir(exist_ok=True)
                write_text(store / FOLDER / part, "".join([f"{_header(store)}\n", *lines]))
    except (OSError, StoreError):
        return


def _header(store: Path) -> str:
    return f"{HEADER} {json.dumps(str(store.resolve()))}"


def _line(run: str, entry: Entry) -> str:
    rest = f"{run}\t{entry.stamp}\t{entry.text}"
    return f"{zlib.crc32(rest.encode()):08x}\t{rest}\n"


def _parse(line: bytes) -> tuple[str, Entry] | None:
    checksum, _, rest = line.partition(b"\t")
    if checksum != b"%08x" % zlib.crc32(rest) or rest.count(b"\t") != 2:
        return None
    run, stamp, text = rest.decode().split("\t")
    return run, Entry(stamp, text)


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
