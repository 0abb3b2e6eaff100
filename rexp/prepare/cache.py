"""The prepared folder of a split: arrays that are memory-mapped, tables, and a checksum for each file.

A folder is complete or not there: it is built under another name and renamed. What does not fit its checksum is never
used.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rexp.data.features import feature_file
from rexp.data.interactions import Interactions
from rexp.data.split import Split
from rexp.data.target_candidates import TargetCandidates
from rexp.data.types import FeatureSpec
from rexp.io.atomic import write_parquet

if TYPE_CHECKING:
    from rexp.data.types import Array
    from rexp.io.json_types import Json
    from rexp.prepare.build import Prepared

FORMAT = 4
"""Version of the folder's layout and of what preparation does; another one is not read."""


class CorruptError(Exception):
    """A prepared folder is incomplete or damaged, and must be built again."""


def write_folder(prepared: Prepared, folder: Path) -> None:
    """Store a prepared split as ``folder``, replacing what is there."""
    from rexp.prepare.fingerprint import arrays_of  # imports polars

    split = prepared.split
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        arrays = {f"{name}.npy": array for name, array in arrays_of(split)}
        arrays |= {
            feature_file(name, place): feature.values for place, (name, feature) in enumerate(prepared.features.items())
        }
        for name, array in arrays.items():
            np.save(building / name, array, allow_pickle=False)
        names = list(arrays)
        for name in ("users", "items"):
            write_parquet(getattr(prepared, name), building / f"{name}.parquet")
            names.append(f"{name}.parquet")
        content = {
            "format": FORMAT,
            "name": split.name,
            "n_users": split.n_users,
            "n_items": split.n_items,
            "ticks": split.train.ticks,
            "fingerprint": split.fingerprint,
            "protocol": split.protocol,
            "labeled": split.labeled,
            "family": split.family,
            "report": split.report,
            "features": {name: asdict(spec) for name, spec in split.feature_specs.items()},
            "text": split.text_columns,
            "files": {name: [(building / name).stat().st_size, _checksum(building / name)] for name in names},
        }
        text = json.dumps({"content": content, "checksum": _text_checksum(content)}, indent=1)
        (building / "split.json").write_text(text, encoding="utf-8")
        building.chmod(0o755)
        if folder.exists():
            # A reader that has the old arrays mapped keeps them.
            old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
            folder.replace(old)
            shutil.rmtree(old, ignore_errors=True)
        building.replace(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def read_folder(folder: Path) -> Split:
    """The split in a folder, its arrays memory-mapped and read-only.

    Raises:
        FileNotFoundError: there is no such folder.
        CorruptError: it is damaged.
    """
    if not folder.is_dir():
        raise FileNotFoundError(folder)
    content = _read_content(folder)
    for name, (size, checksum) in content["files"].items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size or _checksum(path) != checksum:
            raise CorruptError(f"{path} does not fit its checksum")

    specs = {name: FeatureSpec(**spec) for name, spec in content["features"].items()}
    contexts = [name for name, spec in specs.items() if spec.side == "context"]

    def array(name: str) -> Array | None:
        if f"{name}.npy" not in content["files"]:
            return None
        return _mapped(folder, name)

    def part(name: str) -> Interactions:
        users, items = array(f"{name}.users"), array(f"{name}.items")
        assert users is not None
        assert items is not None
        return Interactions(
            users,
            items,
            array(f"{name}.ratings"),
            array(f"{name}.times"),
            content["ticks"],
            context={known: _mapped(folder, f"{name}.context{place}") for place, known in enumerate(contexts)},
            weights=array(f"{name}.weights"),
            propensities=array(f"{name}.propensities"),
        )

    lists = None
    if "lists.users.npy" in content["files"]:
        lists = TargetCandidates(*(_mapped(folder, f"lists.{name}") for name in ("users", "items", "candidates")))

    return Split(
        name=content["name"],
        train=part("train"),
        valid=part("valid"),
        test=part("test"),
        n_users=content["n_users"],
        n_items=content["n_items"],
        fingerprint=content["fingerprint"],
        protocol=content["protocol"],
        candidates=array("candidates"),
        report=content["report"],
        directory=folder,
        feature_specs=specs,
        text_columns=tuple(content["text"]),
        labeled=content["labeled"],
        family=content["family"],
        target_candidates=lists,
    )


def _mapped(folder: Path, name: str) -> Array:
    mapped: Array = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    return mapped


def _read_content(folder: Path) -> Json:
    try:
        stored = json.loads((folder / "split.json").read_text(encoding="utf-8"))
        content: Json = stored["content"]
        if stored["checksum"] != _text_checksum(content) or content["format"] != FORMAT:
            raise CorruptError(f"{folder / 'split.json'} does not fit its checksum")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptError(f"{folder / 'split.json'} cannot be read: {error}") from error
    return content


def _checksum(path: Path) -> int:
    """CRC-32: finds damage, is no defence against forgery, and costs 20 ms for a million interactions."""
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            checksum = zlib.crc32(block, checksum)
    return checksum


def _text_checksum(content: Json) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())
