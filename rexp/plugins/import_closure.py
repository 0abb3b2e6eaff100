"""The files of rexp that modules come to with all that they import, as far as they can change a number."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from rexp.errors import StoreError
from rexp.io.atomic import write_text
from rexp.plugins import source
from rexp.plugins.source import Source, read_source

PACKAGE = Path(__file__).parents[1]
OUTSIDE = frozenset(
    {
        "__main__", "cli", "python", "paper", "tune", "sweep", "hydra",  # ask for runs, named by their configuration
        "estimate",  # says what runs will cost
        "export", "report", "track",  # show what was found
        "measure",  # costs of a finished model, which are measured again without training it again
        "store", "io", "errors",  # keep and tell what others computed
    }
)  # fmt: skip
"""Layers of rexp that change no number of a run; every other one counts, a new one too."""

_known: dict[str, Source] = {}
"""By module, as each was when this process first asked, which is when it imports it."""


def closure(modules: Iterable[str], folder: Path | None = None) -> dict[str, Source]:
    """The sources of these modules of rexp and of all that they import, by module.

    Args:
        modules: dotted names; one that is no file of rexp is left out.
        folder: where what was read of files is kept, by their content; None, or one that cannot be written, keeps none.
    """
    found: dict[str, Source] = {}
    memory = _Memory(folder)
    waiting = list(modules)
    while waiting:
        for module in _with_packages(waiting.pop()):
            if module not in found and (path := file_of(module)):
                if module not in _known:
                    _known[module] = memory.read(path)
                found[module] = _known[module]
                waiting += (_absolute(name, module, path) for name in found[module].imports)
    memory.save()
    return found


@cache
def file_of(module: str) -> Path | None:
    """The file of a module of rexp that counts; None for what is no such module."""
    top, *rest = module.split(".")
    if top != PACKAGE.name or (rest and rest[0] in OUTSIDE):
        return None
    place = PACKAGE.joinpath(*rest)
    whole = place / "__init__.py" if rest == [] or place.is_dir() else place.with_suffix(".py")
    return whole if whole.is_file() else None


def _with_packages(module: str) -> Iterator[str]:
    """A module and the packages around it, which are imported before it."""
    parts = module.split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def _absolute(name: str, module: str, path: Path) -> str:
    """The whole name of a relative import."""
    inside = name.lstrip(".")
    if inside == name:
        return name
    up = len(name) - len(inside) - (path.name == "__init__.py")
    return ".".join([*module.split(".")[: len(module.split(".")) - up], inside])


class _Memory:
    """What was read of files before, by the hash of their content; one file, made anew when the reading changes."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._file: Path | None = None
        self._entries: dict[str, Source] = {}
        self._new = False

    def read(self, path: Path) -> Source:
        """The source of a file."""
        if self._folder and self._file is None:
            reader = hashlib.sha256(Path(source.__file__).read_bytes()).hexdigest()[:12]
            self._file = self._folder / f"sources-{reader}.json"
            self._entries = _load(self._file)
        content = path.read_bytes()
        name = hashlib.sha256(content).hexdigest()
        if name not in self._entries:
            whole = read_source(content)
            own = tuple(module for module in whole.imports if module.startswith((f"{PACKAGE.name}.", ".")))
            self._entries[name] = replace(whole, imports=own)
            self._new = True
        return self._entries[name]

    def save(self) -> None:
        """Keep what is new."""
        if self._file is None or not self._new:
            return
        entries = {name: [entry.digest, *entry.imports] for name, entry in sorted(self._entries.items())}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_text(self._file, json.dumps({"crc": _crc(entries), "sources": entries}))
        except (OSError, StoreError):
            return  # they will be read again


def _load(file: Path) -> dict[str, Source]:
    """What is kept; nothing where there is no file, or a damaged one."""
    try:
        kept = json.loads(file.read_bytes())
        if kept["crc"] != _crc(kept["sources"]):
            return {}
        return {name: Source(digest, tuple(imports)) for name, (digest, *imports) in kept["sources"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _crc(entries: dict[str, list[str]]) -> int:
    return zlib.crc32(json.dumps(entries, sort_keys=True).encode())
