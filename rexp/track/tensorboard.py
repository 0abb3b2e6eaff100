"""``track=tensorboard``: event files in ``tensorboard/`` of the run's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rexp.errors import ConfigError

if TYPE_CHECKING:
    from rexp.api import RunInfo
    from rexp.io.json_types import JsonView


@dataclass
class TensorBoardConfig:
    """Args:
    folder: name of the folder in the run's folder.
    """

    folder: str = "tensorboard"


class TensorBoardTracker:
    """Scalars by epoch; the configuration as text, the final values as scalars under ``summary/``."""

    Config: ClassVar[type] = TensorBoardConfig

    def __init__(self, config: TensorBoardConfig, run: RunInfo) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigError("tensorboard is not installed; pip install 'rexp-recsys[tensorboard]'") from error
        self._writer = SummaryWriter(str(run.directory / config.folder))
        self._write("add_text", "config", "```\n" + json.dumps(run.config, indent=2, default=str) + "\n```")
        self._write("add_text", "labels", ", ".join(f"{group}={name}" for group, name in run.labels.items()))
        self._last_epoch = 0

    def log(self, values: Mapping[str, float], epoch: int) -> None:
        for name, value in values.items():
            self._write("add_scalar", name, value, epoch)
        self._write("flush")
        self._last_epoch = epoch

    def finish(self, summary: JsonView, status: str) -> None:
        for name, value in summary.items():
            if isinstance(value, int | float):
                self._write("add_scalar", f"summary/{name}", value, self._last_epoch)
        self._write("add_text", "status", status)
        self._write("close")

    def _write(self, method: str, *arguments: Any) -> None:
        getattr(self._writer, method)(*arguments)
