"""Budget of a search, and records of its trials."""

from __future__ import annotations

from collections.abc import Sequence
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


def describe(tried: Sequence[TrialRecord]) -> str:
    """Counts of trials by status.

    >>> describe([TrialRecord(1, "complete", 0.1, {}, 0.0, 1.0), TrialRecord(2, "running", None, {}, 1.0, 2.0)])
    '1 complete, 1 running'
    """
    counts = {state: sum(trial.state == state for trial in tried) for state in STATES}
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count)


def busy_seconds(tried: Sequence[TrialRecord]) -> float:
    """Seconds in which at least one trial was under way.

    >>> times = [(0.0, 10.0), (5.0, 12.0), (20.0, 21.0)]
    >>> busy_seconds([TrialRecord(1, "complete", 0.0, {}, began, ended) for began, ended in times])
    13.0
    """
    total, until = 0.0, 0.0
    for trial in sorted(tried, key=lambda trial: trial.began):
        total += max(0.0, trial.ended - max(trial.began, until))
        until = max(until, trial.ended)
    return total
