"""Does a stored run still match its files, its data and the code that is installed now?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rexp.errors import StoreError
from rexp.store.files import checksum
from rexp.store.identity import run_id
from rexp.store.manifest import installed_version
from rexp.versions import code_version

if TYPE_CHECKING:
    from rexp.store.store import Store


@dataclass(frozen=True)
class Check:
    """One thing that was compared.

    Args:
        what: kind and name: ``file model.safetensors``, ``package torch``.
        fault: the difference in words, or None.
    """

    what: str
    fault: str | None = None


def verify(store: Store, run: str) -> list[Check]:
    """Compare a finished run with the present.

    Args:
        run: its whole id.

    Raises:
        StoreError: the run is not done, or its manifest or identity cannot be read.
    """
    result = store.result(run)
    directory = store.directory(run)
    manifest = _load(directory / "manifest.json")
    identity = _load(directory / "identity.json")
    return [
        *_files(directory, manifest),
        *_weights(manifest, result),
        *_identity(run, identity, result),
        *_code(identity),
        *_packages(manifest),
        *_data(manifest, result),
    ]


def _load(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read: {error}; run {path.parent.name} again with force=true") from error
    if not isinstance(value, dict):
        raise StoreError(f"{path} holds no mapping; run {path.parent.name} again with force=true")
    return value


def _files(directory: Path, manifest: Mapping[str, Any]) -> Iterator[Check]:
    """The run's own files, as they were when it was committed."""
    for name, recorded in manifest.get("files", {}).items():
        yield Check(f"file {name}", _file_fault(directory / name, recorded))


def _weights(manifest: Mapping[str, Any], result: Mapping[str, Any]) -> Iterator[Check]:
    """Manifest and result speak of the same weights."""
    weights = result.get("weights")
    if weights:
        recorded = manifest.get("files", {}).get(weights["file"], {}).get("sha256")
        agree = recorded == weights["sha256"]
        yield Check("weights", None if agree else "result.json and manifest.json name different weights")


def _identity(run: str, identity: Mapping[str, Any], result: Mapping[str, Any]) -> Iterator[Check]:
    """The id is the hash of the stored identity, and the result is of that identity."""
    again = run_id(identity)
    yield Check("run id", None if again == run else f"the stored identity hashes to {again}")
    config = dict(identity.get("config", {}))
    data = config.pop("data", {})
    for key in sorted(config):
        was, now = config[key], result.get("config", {}).get(key)
        yield Check(f"config {key}", None if was == now else f"the identity has {was!r}, the result {now!r}")
    if isinstance(data, Mapping) and "fingerprint" in data:
        now = result.get("data", {}).get("fingerprint")
        fault = None if data["fingerprint"] == now else f"the identity has {data['fingerprint']}, the result {now}"
        yield Check("data fingerprint", fault)


def _code(identity: Mapping[str, Any]) -> Iterator[Check]:
    """The distributions whose plugins the run used; an editable one counts by its sources."""
    for name, was in identity.get("code", {}).items():
        yield Check(f"code {name}", _changed(was, code_version(name)))


def _packages(manifest: Mapping[str, Any]) -> Iterator[Check]:
    for name, was in manifest.get("versions", {}).items():
        yield Check(f"package {name}", _changed(was, installed_version(name)))


def _data(manifest: Mapping[str, Any], result: Mapping[str, Any]) -> Iterator[Check]:
    """The files the data was read from."""
    was, now = manifest.get("data", {}).get("fingerprint"), result.get("data", {}).get("fingerprint")
    yield Check("data record", None if was == now else f"the manifest has fingerprint {was}, the result {now}")
    for recorded in manifest.get("data", {}).get("files", []):
        path = Path(recorded["path"])
        yield Check(f"data file {path}", _file_fault(path, recorded))


def _changed(was: str, now: str) -> str | None:
    return None if was == now else f"was {was}, is {now}"


def _file_fault(path: Path, recorded: Mapping[str, Any]) -> str | None:
    if not path.is_file():
        return "is missing"
    size = path.stat().st_size
    if size != recorded["bytes"]:
        return f"was {recorded['bytes']} bytes, is {size}"
    now = checksum(path)
    return None if now == recorded["sha256"] else f"sha256 was {recorded['sha256'][:12]}…, is {now[:12]}…"
