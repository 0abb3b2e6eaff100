"""What stands for the version of a plugin's code: the release, or a hash of the sources while it is being edited."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

OWN = "rexp-recsys"
# Of rexp itself only what can change a number: an edited report or tracker must not train anything again.
OWN_PARTS = (
    "api.py",
    "run.py",
    "sparse.py",
    "start.py",
    "steps.py",
    "teachers.py",
    "stored.py",
    "tables.py",
    "data",
    "models",
    "losses",
    "samplers",
    "train",
    "compress",
    "retrieve",
    "evaluate",
)


@cache
def code_version(name: str) -> str:
    """The version of an installed distribution; for an editable one ``version+<hash of its *.py files>``.

    Args:
        name: the distribution's name.
    """
    try:
        dist = distribution(name)
    except PackageNotFoundError:
        return "not installed"
    if not _is_editable(dist):
        return dist.version
    return f"{dist.version}+{_hash(_sources(name, dist))}"


def _is_editable(dist: Distribution) -> bool:
    text = dist.read_text("direct_url.json")
    return bool(text) and bool(json.loads(text or "{}").get("dir_info", {}).get("editable"))


def _sources(name: str, dist: Distribution) -> list[Path]:
    if name == OWN:
        here = Path(__file__).parent
        roots = [here / part for part in OWN_PARTS]
    else:
        # A plugin's package is named by its entry points: the top of "their_pkg.model:Class".
        packages = {point.value.partition(":")[0].partition(".")[0] for point in dist.entry_points}
        specs = [find_spec(package) for package in sorted(packages)]
        roots = [
            Path(place) for spec in specs if spec for place in spec.submodule_search_locations or [spec.origin or ""]
        ]
    return sorted(path for root in roots for path in _python_files(root))


def _python_files(root: Path) -> Iterable[Path]:
    return root.rglob("*.py") if root.is_dir() else [root] if root.is_file() else []


def _hash(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
