"""Does a student keep 99 % or 99.9 % of what its teacher reaches?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rexp.metrics.direction import higher_is_better

if TYPE_CHECKING:
    from rexp.io.json_types import Json
    from rexp.store.result import RunResult

GATES = {"pass99": 0.99, "pass99.9": 0.999}
AHEAD = 1.1
"""Share from which on a student is so far ahead that its teacher may have held it back."""


@dataclass(frozen=True)
class QualityGate:
    """A student beside its teacher.

    Args:
        metric: by which they are compared.
        student, teacher: their values.
        share: student / teacher; where less is better, teacher / student.
    """

    metric: str
    student: float
    teacher: float
    share: float

    @property
    def passed(self) -> dict[str, bool]:
        """Whether the share is large enough, for each of ``GATES``."""
        return {name: self.share >= least for name, least in GATES.items()}

    def to_json(self) -> Json:
        """As results store it: the fields, ``pass99`` and ``pass99.9``."""
        return {**asdict(self), **self.passed}

    def __str__(self) -> str:
        """
        >>> print(QualityGate("ndcg@10", 0.9953, 1.0, 0.9953))
        keeps 99.53 % of its teacher's ndcg@10: passes 99 %, fails 99.9 %
        >>> print(QualityGate("ndcg@10", 0.139, 0.047, 0.139 / 0.047))  # doctest: +NORMALIZE_WHITESPACE
        has 295.74 % of its teacher's ndcg@10: such a teacher may hold it back; compare it with compress=none,
        or take a better teacher
        """
        if self.share >= AHEAD:
            return (
                f"has {100 * self.share:.2f} % of its teacher's {self.metric}: such a teacher may hold it back; "
                "compare it with compress=none, or take a better teacher"
            )
        verdicts = [
            f"{'passes' if held else 'fails'} {name.removeprefix('pass')} %" for name, held in self.passed.items()
        ]
        return f"keeps {100 * self.share:.2f} % of its teacher's {self.metric}: {', '.join(verdicts)}"


def quality_gate(student: RunResult, teacher: RunResult) -> QualityGate | None:
    """Compare the student's first metric with its teacher's.

    The two classes of quality are those of MLPerf Inference's recommendation benchmarks.

    Args:
        student, teacher: their results.

    Returns:
        the comparison; None where the teacher was measured otherwise or stands at 0.
    """
    metric = student.first_metric
    if metric is None or not student.comparable_with(teacher):
        return None
    own, its = student.metrics[metric], teacher.metrics.get(metric)
    if own is None or its is None:
        return None
    above, below = (own, its) if higher_is_better(metric) is not False else (its, own)
    if not below > 0:
        return None
    return QualityGate(metric, float(own), float(its), above / below)


def best_gate(found: Iterable[QualityGate | None]) -> QualityGate | None:
    """The comparison with the best of several teachers: the one of which the least is kept."""
    return min((one for one in found if one), key=lambda one: one.share, default=None)
