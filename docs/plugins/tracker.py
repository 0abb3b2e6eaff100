"""A file of JSON lines beside the run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from rexp.api import RunInfo


@dataclass(frozen=True)
class EpochsConfig:
    """Options of :class:`Epochs`.

    Args:
        file: its name in the run's folder.
    """

    file: str = "epochs.jsonl"


class Epochs:
    """One line an epoch, and a last one with how the run ended."""

    Config: ClassVar[type] = EpochsConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)

    def __init__(self, config: EpochsConfig, run: RunInfo) -> None:
        self.path = run.directory / config.file

    def log(self, values: Mapping[str, float], epoch: int) -> None:
        """An epoch's values by name; epochs count from 1."""
        self._write({"epoch": epoch, **values})

    def finish(self, summary: Mapping[str, Any], status: str) -> None:
        """The run is over."""
        self._write({"status": status})

    def _write(self, line: Mapping[str, Any]) -> None:
        # Opened for each line: a run that was killed goes on in the same file.
        with self.path.open("a", encoding="utf-8") as file:
            print(json.dumps(line), file=file)
