"""Errors in plugins, reported with plugin and distribution."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.errors import RexpError, RunError
from rexp.plugins import registry
from rexp.plugins.code_version import OWN
from rexp.plugins.memory import short_of_memory

if TYPE_CHECKING:
    from types import TracebackType

    from rexp.plugins.registry import Plugin


@contextmanager
def plugin_faults_told() -> Iterator[None]:
    """Turn what a third party's code raises into one line; ``REXP_TRACEBACK=1`` leaves the traceback.

    Raises:
        RunError: naming the plugin, its distribution, the error and its place.
    """
    try:
        yield
    except RexpError:
        raise
    except Exception as error:
        others = [plugin for plugin in registry.plugins() if plugin.distribution != OWN]
        found = last_met(error.__traceback__, others)
        if found is None or os.environ.get("REXP_TRACEBACK") or short_of_memory(error):
            raise
        plugin, frame = found
        line = " ".join(str(error).split())
        raise RunError(
            f"{name_of(plugin)} failed: {type(error).__name__}: {line} ({Path(frame.filename).name}, line "
            f"{frame.lineno}); REXP_TRACEBACK=1 shows the traceback"
        ) from error


def last_met(trace: TracebackType | None, plugins: Iterable[Plugin]) -> tuple[Plugin, traceback.FrameSummary] | None:
    """The plugin whose module, or else whose package, is met last on the way to an error, and the place there.

    Args:
        trace: of the error.
        plugins: those that are looked for; a package is a plugin's where it is not rexp's.
    """
    known = list(plugins)
    owners = {_module(one).partition(".")[0]: one for one in reversed(known) if one.distribution != OWN}
    owners |= {_module(one): one for one in known}
    found = None
    for frame, line in traceback.walk_tb(trace):
        module = str(frame.f_globals.get("__name__", ""))
        plugin = owners.get(module) or owners.get(module.partition(".")[0])
        if plugin is not None:
            # Of several in one module, the one in whose class the error is, or on the way to a function of the module.
            named = f"{module}:{frame.f_code.co_qualname.partition('.')[0]}"
            before = found[0] if found and _module(found[0]) == module else plugin
            plugin = next((one for one in known if one.target == named), before)
            found = plugin, traceback.FrameSummary(frame.f_code.co_filename, line, frame.f_code.co_name)
    return found


def _module(plugin: Plugin) -> str:
    return plugin.target.partition(":")[0]


def name_of(plugin: Plugin) -> str:
    """A plugin as a message names it."""
    return f"{plugin.kind} '{plugin.name}' of {plugin.distribution} {plugin.version}"


def owner(part: object) -> str:
    """The plugin that an object is of, in words; its class where it is none."""
    place = f"{type(part).__module__}:{type(part).__qualname__}"
    found = next((plugin for plugin in registry.plugins() if plugin.target == place), None)
    return name_of(found) if found else type(part).__name__


def check_shape(part: object, what: str, shape: Sequence[int], wanted: Sequence[int]) -> None:
    """Refuse numbers in another shape than the contract has, which might broadcast to what nobody meant.

    Raises:
        RunError: naming the plugin and both shapes.
    """
    if tuple(shape) != tuple(wanted):
        raise RunError(f"{owner(part)} gives {what} of the shape {tuple(shape)}; {tuple(wanted)} is wanted (rexp.api)")
