"""Who teaches: finished runs, or a model that is trained beside its student."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SELF = "self"
"""``teacher.from=self``: the student's own state at the beginning of a step teaches it, and is no run."""
ONLINE = "online"


@dataclass(frozen=True)
class Teacher:
    """One that is finished.

    Args:
        run: its id, or :data:`SELF`.
        weight: its share in what all of them teach.
    """

    run: str
    weight: float = 1.0


@dataclass(frozen=True)
class Teachers:
    """All that a run learns from beside its data.

    Args:
        runs: the teachers; their weights sum to 1.
        online: the model that learns beside its student, as plain values with ``name`` and ``from``; or None.
    """

    runs: tuple[Teacher, ...] = ()
    online: Mapping[str, Any] | None = None

    def __bool__(self) -> bool:
        return bool(self.runs) or self.online is not None

    def plain(self) -> Any:
        """As the typed configuration has it: nothing, a run's id, weights by run, or the online model."""
        if self.online is not None:
            return {ONLINE: dict(self.online)}
        if len(self.runs) > 1:
            return {teacher.run: teacher.weight for teacher in self.runs}
        return self.runs[0].run if self.runs else None


def teacher_runs(config: Mapping[str, Any]) -> list[str]:
    """Ids of the runs that taught a run, from its typed configuration.

    >>> teacher_runs({"teacher": "1f0c3a9b2d4e"}), teacher_runs({"teacher": {"1f0c": 0.5, "self": 0.5}})
    (['1f0c3a9b2d4e'], ['1f0c'])
    >>> teacher_runs({"teacher": None}), teacher_runs({"teacher": {"online": {"name": "mf"}}})
    ([], [])
    """
    named = config.get("teacher")
    runs = [] if not named else [named] if isinstance(named, str) else list(named)
    return [run for run in runs if run not in (SELF, ONLINE)]
