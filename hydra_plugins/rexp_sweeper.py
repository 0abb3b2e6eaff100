"""Hydra's side of a sweep: rexp's own sweeper, which hands all to the task that is run.

Hydra takes launchers and sweepers from the namespace ``hydra_plugins`` alone, and imports all of it at every start.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper

from rexp.hydra.overrides import normalize_overrides

if TYPE_CHECKING:
    from hydra.types import HydraContext, TaskFunction
    from omegaconf import DictConfig


class SweepingTask(Protocol):
    """A task that knows what to do with a sweep."""

    def sweep(self, config: DictConfig, context: HydraContext, words: Sequence[str]) -> None: ...


class Grid(Sweeper):
    """``hydra/sweeper=rexp``: every combination of the values given.

    Args:
        params: values by key, as a file gives them: a list, or Hydra's text for one (``1,2``, ``range(3)``). What the
            command line says of a key counts.
    """

    def __init__(self, params: Mapping[str, Any] | None) -> None:
        self._params = params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.config = hydra_context, config
        self._task: SweepingTask = task_function  # type: ignore[assignment]

    def sweep(self, arguments: list[str]) -> None:
        assert self.config is not None
        assert self.hydra_context is not None
        words = normalize_overrides(["-m", *(f"{key}={_text(values)}" for key, values in self._params.items())])[1:]
        self._task.sweep(self.config, self.hydra_context, [*words, *arguments])


def _text(values: Any) -> str:
    """What a file says of a key, as it is typed: a list is several choices."""
    several = values if isinstance(values, Sequence) and not isinstance(values, str) else [values]
    return ",".join(map(_word, several))


def _word(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value)


ConfigStore.instance().store(
    group="hydra/sweeper",
    name="rexp",
    node={"_target_": f"{Grid.__module__}.{Grid.__name__}", "params": None},
    provider="rexp",
)
