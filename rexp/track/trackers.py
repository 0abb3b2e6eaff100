"""All trackers of a run as one; whatever goes wrong in one of them is a single warning."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from textwrap import shorten
from typing import TYPE_CHECKING

from rexp.errors import ConfigError
from rexp.io.text import say
from rexp.plugins.choice import Choice

if TYPE_CHECKING:
    from rexp.api import RunInfo, Tracker
    from rexp.io.json_types import JsonView
    from rexp.plugins.options import NodeView


class Trackers:
    """Passes a run's numbers on; a tracker that fails is told of once and left alone from then on.

    Args:
        trackers: by name.
    """

    def __init__(self, trackers: Mapping[str, Tracker]) -> None:
        self._trackers = dict(trackers)

    def log(self, values: Mapping[str, float], epoch: int) -> None:
        """Send one epoch's metrics; non-finite values are left out."""
        numbers = {
            name: float(value)
            for name, value in values.items()
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        }
        self._each("log", lambda tracker: tracker.log(numbers, epoch))

    def finish(self, summary: JsonView, status: str) -> None:
        """Send the final values and close.

        Args:
            summary: final metrics and costs by name.
            status: "done", "failed" or "interrupted".
        """
        self._each("finish", lambda tracker: tracker.finish(summary, status))
        self._trackers.clear()

    def _each(self, action: str, call: Callable[[Tracker], None]) -> None:
        for name, tracker in list(self._trackers.items()):
            try:
                call(tracker)
            except (Exception, SystemExit) as error:
                _warn(name, action, error)
                del self._trackers[name]


def start(nodes: Mapping[str, NodeView], run: RunInfo) -> Trackers:
    """Start every tracker that the configuration names.

    Args:
        nodes: by the tracker's place in the configuration: ``name`` and its options.
        run: what they are told of the run.

    Raises:
        ConfigError: an unknown tracker or option; anything else that goes wrong is a warning.
    """
    prepared = check(nodes)
    started: dict[str, Tracker] = {}
    for place, tracker in prepared.items():
        try:
            started[place] = tracker.make(run)
        except (Exception, SystemExit) as error:
            _warn(place, "start", error)
    return Trackers(started)


def check(nodes: Mapping[str, NodeView]) -> dict[str, Choice]:
    """Every tracker with its typed options.

    Raises:
        ConfigError: an unknown tracker or option.
    """
    return {place: _prepare(place, node) for place, node in nodes.items()}


def _prepare(place: str, node: NodeView) -> Choice:
    if not isinstance(node.get("name"), str):
        raise ConfigError(f"track.{place} names no tracker; choose with track=NAME or 'track=[NAME,NAME]'")
    return Choice.of("tracker", node, f"track.{place}")


def _warn(name: str, action: str, error: BaseException) -> None:
    reason = shorten(str(error), 300, placeholder=" …") or type(error).__name__
    say(f"warning: track={name} could not {action}: {reason}; the run goes on without it", logging.WARNING)
