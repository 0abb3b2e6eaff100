"""Trackers: where a run's numbers are sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol


@dataclass(frozen=True)
class RunInfo:
    """What a tracker is told of the run it follows."""

    run_id: str
    directory: Path
    config: Mapping[str, Any]
    labels: Mapping[str, str]
    group: str | None = None


class Tracker(Protocol):
    """Sends numbers somewhere; a failure is one warning and never ends a run."""

    Config: ClassVar[type]

    def __init__(self, config: Any, run: RunInfo) -> None: ...

    def log(self, values: Mapping[str, float], epoch: int) -> None: ...

    def finish(self, summary: Mapping[str, Any], status: str) -> None: ...
