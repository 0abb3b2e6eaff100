"""Guard against plugins that call ``sys.exit``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rexp.errors import RunError
from rexp.plugins import registry
from rexp.plugins.faults import last_met


@contextmanager
def no_exits(plugins: Iterable[tuple[str, str]]) -> Iterator[None]:
    """Turn ``sys.exit`` inside into an error that names the plugin.

    Args:
        plugins: kinds and names of those that may have called it.

    Raises:
        RunError: in the place of ``SystemExit``.
    """
    try:
        yield
    except SystemExit as error:
        found = last_met(error.__traceback__, (registry.find(kind, name) for kind, name in plugins))
        caller = found[0].where if found else "a part of this run that is no plugin"
        raise RunError(
            f"{caller} called sys.exit({error.code!r}); nothing was finished, and a "
            "plugin that cannot go on raises an error"
        ) from error
