"""Whether the plugins that a run was made with are installed here."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING

from rexp.errors import StoreError
from rexp.plugins import registry

if TYPE_CHECKING:
    from rexp.store.store import Store


def check_installed(store: Store, run: str) -> None:
    """Refuse a run that was made with a plugin which is not here any more.

    Raises:
        StoreError: naming the distribution and its version.
    """
    try:
        code = json.loads((store.directory(run) / "identity.json").read_bytes()).get("code", {})
    except (OSError, ValueError):
        return  # an older run, or one that verify has more to say about
    for name, version in code.items():
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
