"""A plugin that ends the program: that is a failed run, not a finished command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType

from rexp.errors import RunError
from rexp.plugins import registry
from rexp.plugins.code_version import OWN


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
        raise RunError(
            f"{_caller(error.__traceback__, plugins)} called sys.exit({error.code!r}); nothing was finished, and a "
            "plugin that cannot go on raises an error"
        ) from error


def _caller(trace: TracebackType | None, plugins: Iterable[tuple[str, str]]) -> str:
    """The plugin whose module, or else whose package, is met last on the way to the call."""
    by_module: dict[str, str] = {}
    for plugin in (registry.find(kind, name) for kind, name in plugins):
        module = plugin.target.partition(":")[0]
        by_module[module] = plugin.where
        if plugin.distribution != OWN:
            by_module.setdefault(module.partition(".")[0], plugin.where)
    found = "a part of this run that is no plugin"
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        found = by_module.get(module) or by_module.get(module.partition(".")[0]) or found
        trace = trace.tb_next
    return found
