"""Whether the plugins that a run was made with are installed here, and are as they were."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.errors import ConfigError, StoreError
from rexp.plugins import registry
from rexp.plugins.used_code import from_words, used_code

if TYPE_CHECKING:
    from rexp.io.json_types import Json
    from rexp.store.store import Store


def check_installed(store: Store, run: str) -> None:
    """Refuse a run that was made with a plugin which is not here any more.

    Raises:
        StoreError: naming the distribution and its version.
    """
    # An older run may have none, and of a damaged one verify has more to say.
    for name, version in _identity(store.directory(run)).get("code", {}).items():
        try:
            distribution(name)
            missing = name in registry.disabled()
        except PackageNotFoundError:
            missing = True
        if missing:
            raise StoreError(
                f"run {run} was made with a plugin of {name} {str(version).partition('+')[0]}, which is not installed "
                f"here; install it (pip install {name})"
            )


def is_code_unchanged(directory: Path, cache: Path) -> bool:
    """Whether the plugins that a run used, and what calls them, are the code that it was made by.

    Args:
        directory: the run's.
        cache: see :func:`rexp.plugins.used_code.used_code`.
    """
    identity = _identity(directory)
    try:
        return bool(used_code(from_words(identity["plugins"]), folder=cache) == identity["code"])
    except (KeyError, ConfigError):
        return False


def _identity(directory: Path) -> Json:
    try:
        identity = json.loads((directory / "identity.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return identity if isinstance(identity, dict) else {}
