"""Students beside their teachers: the teacher's own row, and whether the teacher is worth learning from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rexp.config.teaching import teacher_runs
from rexp.report.direction import higher_is_better

if TYPE_CHECKING:
    from rexp.report.rows import Result

SIMPLE = "ease"
"""A model without epochs that a tuned teacher is expected to beat."""


def with_teachers(results: Sequence[Result], store: Iterable[Result]) -> list[Result]:
    """These results, and each teacher of theirs that was measured by the same rules, once.

    Args:
        results: to be shown.
        store: all finished runs that are known.
    """
    known = {result["run_id"]: result for result in store}
    shown = {result["run_id"]: result for result in results}
    for student in results:
        for teacher in map(known.get, teacher_runs(student["config"])):
            if teacher and _rules(teacher) == _rules(student):
                shown.setdefault(teacher["run_id"], teacher)
    return list(shown.values())


def untuned(results: Sequence[Result], store: Iterable[Result]) -> list[str]:
    """A line for each teacher that does not beat what it should, or that was compared with nothing.

    An untuned teacher makes every compressor look good. What it should beat, by the first metric: the student's model
    trained without a teacher on the same data under the same seed, and ``ease``; the best of what is there.

    Args:
        results: among them students.
        store: all finished runs that are known.
    """
    known = list(store)
    by_id = {result["run_id"]: result for result in known}
    taught: dict[str, list[Result]] = {}
    for student in results:
        for run in teacher_runs(student["config"]):
            if run in by_id and _rules(by_id[run]) == _rules(student):
                taught.setdefault(run, []).append(student)
    verdicts = (_verdict(by_id[run], students, known) for run, students in taught.items())
    return [line for line in verdicts if line]


def _verdict(teacher: Result, students: Sequence[Result], known: Sequence[Result]) -> str | None:
    metric = next(iter(students[0]["metrics"]), None)
    if metric is None or metric not in teacher["metrics"] or (higher := higher_is_better(metric)) is None:
        return None
    name = f"teacher {_name(teacher)} (run {teacher['run_id']})"
    rivals = [
        run
        for run in known
        if run["run_id"] != teacher["run_id"] and metric in run["metrics"] and _rules(run) == _rules(teacher)
        if _model(run) == SIMPLE or any(_is_plain(run, student) for student in students)
    ]
    if not rivals:
        models = " or ".join(dict.fromkeys(map(_model, students)))
        return (
            f"{name} is not compared: the store has neither {models} trained without it (compress=none) "
            f"nor {SIMPLE} under these rules"
        )
    best = (max if higher else min)(rivals, key=lambda run: float(run["metrics"][metric]))
    own, its = float(teacher["metrics"][metric]), float(best["metrics"][metric])
    if own > its if higher else own < its:
        return None
    return (
        f"{name} is untuned: its {metric} of {own:.4f} does not beat the {its:.4f} of {_name(best)} "
        f"(run {best['run_id']}); what it teaches looks better beside it than it is"
    )


def _is_plain(run: Result, student: Result) -> bool:
    """The student's model and seed, fitted and nothing else."""
    config, other = run["config"], student["config"]
    alike = all(config[key] == other[key] for key in ("model", "seed"))
    return alike and bool(config.get("compress", {}).get("order") == ["fit"])


def _rules(result: Result) -> tuple[str, str]:
    return str(result["data"]["fingerprint"]), str(result.get("facts", {}).get("protocol_id"))


def _model(result: Result) -> str:
    return str(result["config"]["model"]["name"])


def _name(result: Result) -> str:
    """What the model was called by on the command line, else its plugin's name."""
    return str(result.get("labels", {}).get("model", _model(result)))
