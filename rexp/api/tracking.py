"""Trackers: where a run's numbers are sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol


@dataclass(frozen=True)
class RunInfo:
    """The run that a tracker follows.

    Args:
        run_id: its id.
        directory: its folder in the store.
        config: the whole configuration, plain values.
        labels: what was chosen by name: ``data``, ``model``, ``compress`` and so on.
        group: of the runs of one sweep; None outside one.
    """

    run_id: str
    directory: Path
    config: Mapping[str, Any]
    labels: Mapping[str, str]
    group: str | None = None


class Tracker(Protocol):
    """Sends numbers somewhere; a failure is one warning and never ends a run.

    Example::

        class Lines:
            Config = LinesConfig  # a dataclass without options

            def __init__(self, config, run):
                self.file = (run.directory / "lines.txt").open("a")

            def log(self, values, epoch):
                print(epoch, dict(values), file=self.file)

            def finish(self, summary, status):
                self.file.close()
    """

    Config: ClassVar[type]

    def __init__(self, config: Any, run: RunInfo) -> None: ...

    def log(self, values: Mapping[str, float], epoch: int) -> None:
        """An epoch's values by name (``train_loss``, ``valid/ndcg@10`` ...); epochs count from 1."""
        ...

    def finish(self, summary: Mapping[str, Any], status: str) -> None:
        """The run is over: its metrics and costs, and "done" or what ended it; called once."""
        ...
