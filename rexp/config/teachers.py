"""Teacher configuration: finished runs, or an online teacher trained jointly with the student."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rexp.store.result import ONLINE

if TYPE_CHECKING:
    from rexp.plugins.options import NodeView


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
    """The teachers of a run.

    Args:
        runs: the teachers; their weights sum to 1.
        online: the model that learns beside its student, as plain values with ``name`` and ``from``; or None.
        ensemble: how the scores of several become one.
    """

    runs: tuple[Teacher, ...] = ()
    online: NodeView | None = None
    ensemble: str = "mean"

    def __bool__(self) -> bool:
        return bool(self.runs) or self.online is not None

    def plain(self) -> Any:
        """As the typed configuration has it: nothing, a run's id, weights by run, or the online model."""
        if self.online is not None:
            return {ONLINE: dict(self.online)}
        if len(self.runs) > 1:
            return {teacher.run: teacher.weight for teacher in self.runs}
        return self.runs[0].run if self.runs else None
