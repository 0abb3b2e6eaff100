"""Whose fault it is: errors out of a plugin's code are told with its distribution."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.errors import RexpError, RunError
from rexp.plugins import registry
from rexp.plugins.code_version import OWN
from rexp.plugins.memory import short_of_memory

if TYPE_CHECKING:
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
        found = None if os.environ.get("REXP_TRACEBACK") or short_of_memory(error) else _raised_by(error)
        if found is None:
            raise
        plugin, frame = found
        line = " ".join(str(error).split())
        raise RunError(
            f"{name_of(plugin)} failed: {type(error).__name__}: {line} ({Path(frame.filename).name}, line "
            f"{frame.lineno}); REXP_TRACEBACK=1 shows the traceback"
        ) from error


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


def _raised_by(error: BaseException) -> tuple[Plugin, traceback.FrameSummary] | None:
    """The plugin of a third party whose code the error came through last, and the place there."""
    others = [plugin for plugin in registry.plugins() if plugin.distribution != OWN]
    packages = {plugin.target.partition(":")[0].partition(".")[0]: plugin for plugin in others}
    by_module = {plugin.target.partition(":")[0]: plugin for plugin in others}
    found = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__", ""))
        plugin = by_module.get(module) or packages.get(module.partition(".")[0])
        if plugin is not None:
            found = plugin, traceback.FrameSummary(frame.f_code.co_filename, line, frame.f_code.co_name)
    return found
