"""Folders of configurations: rexp's own and those of plugins."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from rexp.plugins import registry


def conf_dir() -> Path:
    """rexp's own configuration folder: inside the package in a wheel, next to it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def conf_folder(package: str) -> Path | None:
    """The folder of ``their_pkg.conf``, found without importing ``their_pkg``; None where it does not exist."""
    top, _, rest = package.partition(".")
    spec = find_spec(top)
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place, *rest.split(".")) if rest else Path(place)
        if folder.is_dir():
            return folder
    return None


def conf_folders() -> list[Path]:
    """rexp's own folder, then those of plugins, as Hydra searches them."""
    packages = (conf_folder(package.package) for package in registry.conf_packages())
    return [conf_dir(), *(folder for folder in packages if folder)]
