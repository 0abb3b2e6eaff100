"""What stands for the version of a third party's code: its release, and a hash of what is installed of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from rexp.plugins.source import read_source

OWN = "rexp-recsys"
TEXTS = (".md", ".rst", ".pyc", ".pyo")
"""Endings of files beside code that change no number."""


@cache
def code_version(name: str) -> str:
    """``version+<hash of its files>`` of an installed distribution: a release can be installed again with other code.

    All files count that it installed or that lie in the packages of its entry points, other than texts, and its entry
    points themselves.

    Args:
        name: the distribution's name.
    """
    try:
        dist = distribution(name)
    except PackageNotFoundError:
        return "not installed"
    digest = hashlib.sha256()
    for label, path in _files(dist):
        digest.update(f"{label}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    digest.update(_entry_points(dist).encode())
    return f"{dist.version}+{digest.hexdigest()[:12]}"


@cache
def modules_named_by(name: str) -> frozenset[str]:
    """What the Python files of an installed distribution that speak of rexp import, by dotted names.

    Args:
        name: the distribution's name.
    """
    try:
        dist = distribution(name)
    except PackageNotFoundError:
        return frozenset()
    contents = (path.read_bytes() for label, path in _files(dist) if label.endswith(".py"))
    return frozenset(module for content in contents if b"rexp" in content for module in read_source(content).imports)


def _files(dist: Distribution) -> list[tuple[str, Path]]:
    """The files of a distribution by their places among the packages."""
    found: dict[str, Path] = {}
    for name in sorted(_packages(dist)):
        spec = find_spec(name)
        for place in (spec.submodule_search_locations or [spec.origin or ""]) if spec else ():
            root = Path(place)
            inside = root.rglob("*") if root.is_dir() else [root]
            found |= {path.relative_to(root.parent).as_posix(): path for path in inside}
    for file in dist.files or ():
        if ".." not in file.parts and not file.parts[0].endswith((".dist-info", ".egg-info")):
            found.setdefault(file.as_posix(), Path(str(file.locate())))
    return sorted((label, path) for label, path in found.items() if _counts(label) and path.is_file())


def _counts(label: str) -> bool:
    """Whether a file may change a number: no text, no cache of Python's, nothing hidden, no link of an installer."""
    parts = label.split("/")
    linked = len(parts) == 1 and (parts[0].endswith(".pth") or parts[0].startswith("__editable__"))
    hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
    return not (linked or hidden or label.endswith(TEXTS))


def _packages(dist: Distribution) -> Iterable[str]:
    """Top-level modules and packages: those of the entry points (``their_pkg.model:Class``), and those that are
    stated."""
    named = {point.value.partition(":")[0].partition(".")[0].strip() for point in dist.entry_points}
    return named | set((dist.read_text("top_level.txt") or "").split())


def _entry_points(dist: Distribution) -> str:
    """Which names stand for what, whatever their order in the file."""
    return "\n".join(sorted(f"{point.group} {point.name} {point.value}" for point in dist.entry_points))
