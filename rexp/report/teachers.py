"""Students beside their teachers: the teacher's own row, and whether the teacher is worth learning from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rexp.config.teachers import teacher_runs
from rexp.metrics.direction import higher_is_better

if TYPE_CHECKING:
    from rexp.report.rows import Result

SIMPLE = ("pop", "ease")
"""Models without epochs that a tuned teacher is expected to beat."""


@dataclass(frozen=True)
class Measured:
    """A model and its value of the metric by which it is compared.

    Args:
        name: what it was called by.
        run: its id; None for one that is no run.
        value: of the metric.
    """

    name: str
    run: str | None
    value: float

    @classmethod
    def of(cls, result: Result, value: float) -> Measured:
        """A run's value."""
        return cls(_name(result), str(result["run_id"]), value)

    def __str__(self) -> str:
        return self.name if self.run is None else f"{self.name} (run {self.run})"


def add_teachers(results: Sequence[Result], store: Iterable[Result]) -> list[Result]:
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


def teacher_warnings(results: Sequence[Result], store: Iterable[Result]) -> list[str]:
    """A line for each teacher that does not beat what it should, or that was compared with nothing.

    A weak teacher makes every compressor look good. What it should beat, by the first metric: the student's model
    trained without a teacher on the same data under the same seed, ``pop`` and ``ease``; the best of what is there. It
    is compared on the validation part where all of them were measured there (as before a student is trained), else on
    the test part.

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
    lines = (_of_teacher(by_id[run], students, known) for run, students in taught.items())
    return [line for line in lines if line]


def is_rival(run: Result, teacher: Result, model: Mapping[str, Any], seed: int) -> bool:
    """Whether a teacher should beat a run: the student's model and seed, fitted and nothing else; or a simple model of
    another kind than the teacher is."""
    config, simple = run["config"], _model(run) in SIMPLE and _model(run) != _model(teacher)
    if run["run_id"] == teacher["run_id"] or run["data"]["fingerprint"] != teacher["data"]["fingerprint"]:
        return False
    plain = config.get("compress", {}).get("order") == ["fit"]
    return plain and (simple or (config["model"] == model and config["seed"] == seed))


def verdict(teacher: Measured, rivals: Sequence[Measured], metric: str, part: Literal["valid", "test"]) -> str | None:
    """What is to be said of a teacher beside the best of its rivals; None where it beats them all."""
    if not rivals or (higher := higher_is_better(metric)) is None:
        return None
    best = (max if higher else min)(rivals, key=lambda rival: rival.value)
    if teacher.value > best.value if higher else teacher.value < best.value:
        return None
    where = "on the validation part" if part == "valid" else "on the test part"
    return (
        f"teacher {teacher} is weak: its {metric} of {teacher.value:.4f} {where} does not beat the {best.value:.4f} "
        f"of {best}; what it teaches looks better beside it than it is"
    )


def _of_teacher(teacher: Result, students: Sequence[Result], known: Sequence[Result]) -> str | None:
    metric = next(iter(students[0]["metrics"]), None)
    if metric is None or metric not in teacher["metrics"] or higher_is_better(metric) is None:
        return None
    begun = {_begins(student) for student in students}
    rivals = [
        run
        for run in known
        if metric in run["metrics"] and _rules(run) == _rules(teacher)
        if is_rival(
            run, teacher, *((run["config"]["model"], run["config"]["seed"]) if _begins(run) in begun else ({}, -1))
        )
    ]
    if not rivals:
        models = " or ".join(dict.fromkeys(map(_model, students)))
        return (
            f"teacher {Measured.of(teacher, 0)} is not compared: the store has neither {models} trained without it "
            f"(compress=none) nor {' or '.join(SIMPLE)} under these rules"
        )
    for rules in teacher.get("valid", {}):
        values = [run.get("valid", {}).get(rules, {}).get(metric) for run in (teacher, *rivals)]
        if None not in values:
            own, *others = (
                Measured.of(run, float(value)) for run, value in zip((teacher, *rivals), values, strict=True)
            )
            return verdict(own, others, metric, "valid")
    own, *others = (Measured.of(run, float(run["metrics"][metric])) for run in (teacher, *rivals))
    return verdict(own, others, metric, "test")


def _begins(run: Result) -> str:
    """Model and seed, as text to compare by: of thousands of students each is looked up, not compared with all runs."""
    return json.dumps(_model_and_seed(run), sort_keys=True)


def _model_and_seed(run: Result) -> tuple[Mapping[str, Any], int]:
    return run["config"]["model"], run["config"]["seed"]


def _rules(result: Result) -> tuple[str, str]:
    return str(result["data"]["fingerprint"]), str(result.get("facts", {}).get("protocol_id"))


def _model(result: Result) -> str:
    return str(result["config"]["model"]["name"])


def _name(result: Result) -> str:
    """What the model was called by on the command line, else its plugin's name."""
    return str(result.get("labels", {}).get("model", _model(result)))
