"""Does a student keep 99 % or 99.9 % of what its teacher reaches?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rexp.metrics.direction import higher_is_better

Result = Mapping[str, Any]
GATES = {"pass99": 0.99, "pass99.9": 0.999}


def quality_gate(student: Result, teacher: Result) -> dict[str, Any] | None:
    """Compare the student's first metric with its teacher's.

    The two classes of quality are those of MLPerf Inference's recommendation benchmarks.

    Args:
        student, teacher: results, as they are stored.

    Returns:
        ``metric``, both values, ``share`` (student / teacher; where less is better, teacher / student), ``pass99`` and
        ``pass99.9``; None where the teacher was measured otherwise or stands at 0.
    """
    metric = next(iter(student["metrics"]), None)
    if metric is None or metric not in teacher["metrics"]:
        return None
    if student["facts"].get("protocol_id") != teacher["facts"].get("protocol_id"):
        return None
    own, its = float(student["metrics"][metric]), float(teacher["metrics"][metric])
    above, below = (own, its) if higher_is_better(metric) is not False else (its, own)
    if not below > 0:
        return None
    share = above / below
    passed = {name: share >= least for name, least in GATES.items()}
    return {"metric": metric, "student": own, "teacher": its, "share": share, **passed}


def best_gate(found: Iterable[dict[str, Any] | None]) -> dict[str, Any] | None:
    """The comparison with the best of several teachers: the one of which the least is kept."""
    return min((one for one in found if one), key=lambda one: float(one["share"]), default=None)


def describe(found: Mapping[str, Any]) -> str:
    """One line of it.

    >>> describe({"metric": "ndcg@10", "share": 0.9953, "pass99": True, "pass99.9": False})
    "keeps 99.53 % of its teacher's ndcg@10: passes 99 %, fails 99.9 %"
    """
    verdicts = [f"{'passes' if found[name] else 'fails'} {name.removeprefix('pass')} %" for name in GATES]
    return f"keeps {100 * found['share']:.2f} % of its teacher's {found['metric']}: {', '.join(verdicts)}"
