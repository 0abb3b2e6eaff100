"""Does a stored run still match its files, its data and the code that is installed now?"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.errors import ConfigError
from rexp.io.atomic import checksum
from rexp.plugins.used_code import from_words, used_code
from rexp.store.identity import run_id
from rexp.store.kept import fault_of, has_record
from rexp.store.manifest import installed_version
from rexp.store.seal import MANIFEST, DamagedError, as_text, is_sealed, parse

if TYPE_CHECKING:
    from rexp.io.json_types import Json, JsonView
    from rexp.store.store import Store

UNCHECKED = "was written without a checksum, by an earlier version"
UNNAMED = "was recorded without the plugins that it is of, by an earlier version"
AGAIN = "it is made again when it is needed"
CLOSE = 1e-9
"""Relative difference of a mean from that of its users: other sums round otherwise."""


@dataclass(frozen=True)
class Check:
    """One thing that was compared.

    Args:
        what: kind and name: ``file model.safetensors``, ``package torch``.
        fault: the difference in words, or None.
        note: what could not be compared, and why; or None.
    """

    what: str
    fault: str | None = None
    note: str | None = None


def verify(store: Store, run: str) -> list[Check]:
    """Compare a finished run with the present.

    Args:
        run: its whole id.

    Raises:
        StoreError: the run is not done.
    """
    directory = store.directory(run)
    result, own = _result(directory, run)
    if not own.fault and result.get("status") != "done":
        store.result(run)  # says so
    manifest, beside = _manifest(directory, result)
    identity, read = _loaded(directory / "identity.json")
    parts: list[tuple[str, Callable[[], Iterable[Check]]]] = [
        ("files", lambda: _files(directory, manifest)),
        ("run id", lambda: [] if read.fault else _run_id(run, identity)),
        ("code", lambda: _code(identity)),
        ("packages", lambda: _packages(manifest)),
        ("data files", lambda: _data_files(manifest)),
        ("prepared split", lambda: _prepared(store.root, manifest)),
        ("teaching", lambda: _teaching(directory)),
    ]
    if not own.fault:
        parts += [
            ("weights", lambda: _weights(manifest, result)),
            ("identity", lambda: _identity(identity, result)),
            ("data record", lambda: _data_record(manifest, result)),
            ("means", lambda: _means(directory, result)),
            ("side files", lambda: _side_files(result)),
            ("parts", lambda: _parts(store, result)),
            ("index", lambda: _index(store.root, result)),
        ]
    unreadable = [read] if read.fault and "identity.json" not in manifest.get("files", {}) else []
    return [own, beside, *unreadable, *(check for what, part in parts for check in _guarded(what, part))]


def _guarded(what: str, part: Callable[[], Iterable[Check]]) -> list[Check]:
    """What is compared; a record that has another form than it should is a fault, not the end."""
    try:
        return list(part())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return [Check(what, f"the records of it cannot be read ({type(error).__name__}: {error})")]


def _result(directory: Path, run: str) -> tuple[Json, Check]:
    """``result.json``: the hash of its content, and the form in which the store writes it."""
    what, path = "file result.json", directory / "result.json"
    try:
        raw = path.read_bytes()
        result = parse(raw, run)
    except FileNotFoundError:
        return {}, Check(what)
    except (OSError, DamagedError) as error:
        return {}, Check(what, f"is damaged: {error}")
    if not is_sealed(result):
        return result, Check(what, note=UNCHECKED)
    return result, Check(what, None if as_text(result).encode() == raw else "is not as the store writes it")


def _manifest(directory: Path, result: Json) -> tuple[Json, Check]:
    """``manifest.json``: its size and hash are in the result."""
    manifest, read = _loaded(directory / "manifest.json")
    if read.fault:
        return {}, read
    recorded = result.get(MANIFEST)
    if recorded is None:
        return manifest, Check(read.what, note=UNCHECKED if result else None)
    return manifest, Check(read.what, _file_fault(directory / "manifest.json", recorded))


def _loaded(path: Path) -> tuple[Json, Check]:
    what = f"file {path.name}"
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        return {}, Check(what, f"cannot be read: {error}")
    return (value, Check(what)) if isinstance(value, dict) else ({}, Check(what, "holds no mapping"))


def _files(directory: Path, manifest: Json) -> Iterator[Check]:
    """The run's own files, as they were when it was committed."""
    for name, recorded in manifest.get("files", {}).items():
        yield Check(f"file {name}", _file_fault(directory / name, recorded))


def _weights(manifest: Json, result: Json) -> Iterator[Check]:
    """Manifest and result speak of the same weights."""
    weights = result.get("weights")
    if weights:
        recorded = manifest.get("files", {}).get(weights["file"], {}).get("sha256")
        agree = recorded == weights["sha256"]
        yield Check("weights", None if agree else "result.json and manifest.json name different weights")


def _run_id(run: str, identity: Json) -> Iterator[Check]:
    """The id is the hash of the stored identity."""
    again = run_id(identity)
    yield Check("run id", None if again == run else f"the stored identity hashes to {again}")


def _identity(identity: Json, result: Json) -> Iterator[Check]:
    """The result is of the stored identity."""
    config = dict(identity.get("config", {}))
    data = config.pop("data", {})
    for key in sorted(config):
        was, now = config[key], result.get("config", {}).get(key)
        yield Check(f"config {key}", None if was == now else f"the identity has {was!r}, the result {now!r}")
    if isinstance(data, Mapping) and "fingerprint" in data:
        now = result.get("data", {}).get("fingerprint")
        fault = None if data["fingerprint"] == now else f"the identity has {data['fingerprint']}, the result {now}"
        yield Check("data fingerprint", fault)


def _code(identity: Json) -> Iterator[Check]:
    """The code that the run's plugins come to now, by distribution."""
    recorded = identity.get("code", {})
    if "plugins" not in identity:
        yield from (Check(f"code {name}", note=UNNAMED) for name in recorded)
        return
    try:
        present = used_code(from_words(identity["plugins"]))
    except ConfigError as error:
        yield Check("code", str(error))
        return
    for name in sorted(recorded.keys() | present.keys()):
        yield Check(f"code {name}", _changed(recorded.get(name, "not used"), present.get(name, "not used")))


def _packages(manifest: Json) -> Iterator[Check]:
    for name, was in manifest.get("versions", {}).items():
        yield Check(f"package {name}", _changed(was, installed_version(name)))


def _data_record(manifest: Json, result: Json) -> Iterator[Check]:
    was, now = manifest.get("data", {}).get("fingerprint"), result.get("data", {}).get("fingerprint")
    yield Check("data record", None if was == now else f"the manifest has fingerprint {was}, the result {now}")


def _data_files(manifest: Json) -> Iterator[Check]:
    """The files the data was read from."""
    for recorded in manifest.get("data", {}).get("files", []):
        path = Path(recorded["path"])
        yield Check(f"data file {path}", _file_fault(path, recorded))


def _side_files(result: Json) -> Iterator[Check]:
    """The files that options named."""
    for key, files in result.get("side_files", {}).items():
        for recorded in files:
            path = Path(recorded["path"])
            yield Check(f"side file {key} {path}", _file_fault(path, recorded))


def _parts(store: Store, result: Json) -> Iterator[Check]:
    """The runs whose models it is made of, without which it cannot be loaded."""
    for run in result.get("config", {}).get("runs", ()):
        fault = None if store.status(run) == "done" else "is not in the store: the model cannot be loaded without it"
        yield Check(f"part {run}", fault)


def _means(directory: Path, result: Json) -> Iterator[Check]:
    """Every metric with a value a user is the mean of ``per_user.parquet``."""
    path = directory / "per_user.parquet"
    if not path.is_file():
        return
    import polars as pl

    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        yield Check("means", f"per_user.parquet cannot be read: {str(error).splitlines()[0]}")
        return
    for name, was in result.get("metrics", {}).items():
        if name in frame.columns:
            mean = frame[name].cast(pl.Float64).fill_nan(None).mean()
            now = float(mean) if isinstance(mean, int | float) else None
            agree = _close(was, now)
            yield Check(f"mean {name}", None if agree else f"the result has {was}, the mean over users is {now}")


def _close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=CLOSE, abs_tol=1e-12)


def _prepared(root: Path, manifest: Json) -> Iterator[Check]:
    """The prepared split that the run read, where it is still kept."""
    named = manifest.get("data", {}).get("prepared")
    if not named:
        return
    from rexp.prepare.cache import CorruptError, read_folder

    try:
        read_folder(root / named)
        yield Check("prepared split")
    except FileNotFoundError:
        yield Check("prepared split", note=f"is not kept; {AGAIN}")
    except (CorruptError, OSError, ValueError) as error:
        yield Check("prepared split", f"{error}; {AGAIN}")


def _teaching(directory: Path) -> Iterator[Check]:
    """What the run taught: lists and vectors of it that are kept for its students."""
    for path in sorted((directory / "teaching").rglob("*.npy")):
        what = f"teaching {path.relative_to(directory / 'teaching')}"
        if not has_record(path):
            yield Check(what, note=f"{UNCHECKED}; {AGAIN}")
        else:
            yield Check(what, f"{fault}; {AGAIN}" if (fault := fault_of(path)) else None)


def _index(root: Path, result: Json) -> Iterator[Check]:
    """The index that candidates came from, where it is still kept."""
    name = result.get("facts", {}).get("index", {}).get("file")
    if not name:
        return
    from rexp.retrieve.index_store import damage_of

    path = root / ".indexes" / name
    if not path.is_file():
        yield Check(f"index {name}", note=f"is not kept; {AGAIN}")
    else:
        yield Check(f"index {name}", f"{fault}; {AGAIN}" if (fault := damage_of(path)) else None)


def _changed(was: str, now: str) -> str | None:
    return None if was == now else f"was {was}, is {now}"


def _file_fault(path: Path, recorded: JsonView) -> str | None:
    if not path.is_file():
        return "is missing"
    size = path.stat().st_size
    if size != recorded["bytes"]:
        return f"was {recorded['bytes']} bytes, is {size}"
    now = checksum(path)
    return None if now == recorded["sha256"] else f"sha256 was {recorded['sha256'][:12]}…, is {now[:12]}…"
