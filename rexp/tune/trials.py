"""Budget of a search, and records of its trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rexp.errors import ConfigError

if TYPE_CHECKING:
    from rexp.io.json_types import Json

STATES = ("complete", "pruned", "failed", "running")


@dataclass(frozen=True)
class Budget:
    """When to stop.

    Args:
        trials: so many finished trials, whoever made them and however they ended; or None.
        minutes: so much time with a trial under way, counted once where several are; or None. A trial that has begun
            is brought to its end.
    """

    trials: int | None
    minutes: float | None

    def __post_init__(self) -> None:
        for name, value in (("trials", self.trials), ("minutes", self.minutes)):
            if value is not None and not value > 0:
                raise ConfigError(f"--{name} {value:g} must be above 0")
        if self.trials is None and self.minutes is None:
            raise ConfigError("a search needs a budget: give --trials N, --minutes M, or both")


@dataclass(frozen=True)
class TrialRecord:
    """A trial as it stands.

    Args:
        number: from 1.
        state: complete, pruned, failed or running.
        value: what was reached; of a pruned trial its last value.
        parameters: by key, in optuna's terms.
        began, ended: in seconds since the epoch; ``ended`` is now for a trial that runs.
        error: why it failed.
    """

    number: int
    state: str
    value: float | None
    parameters: Json
    began: float
    ended: float
    error: str = ""
