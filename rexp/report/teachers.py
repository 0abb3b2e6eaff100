"""Teachers in tables: their own rows, and warnings about weak ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rexp.metrics.direction import higher_is_better
from rexp.store.result import FIT_ONLY

if TYPE_CHECKING:
    from rexp.io.json_types import JsonView
    from rexp.store.result import RunResult

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
    def of(cls, result: RunResult, value: float) -> Measured:
        """A run's value."""
        return cls(result.model_label, result.run_id, value)

    def __str__(self) -> str:
        return self.name if self.run is None else f"{self.name} (run {self.run})"


def add_teachers(results: Sequence[RunResult], store: Iterable[RunResult]) -> list[RunResult]:
    """These results, and each teacher of theirs that was measured by the same rules, once.

    Args:
        results: to be shown.
        store: all finished runs that are known.
    """
    known = {result.run_id: result for result in store}
    shown = {result.run_id: result for result in results}
    for student in results:
        for teacher in map(known.get, student.teacher_runs):
            if teacher and teacher.comparable_with(student):
                shown.setdefault(teacher.run_id, teacher)
    return list(shown.values())


def teacher_warnings(results: Sequence[RunResult], store: Iterable[RunResult]) -> list[str]:
    """A line for each teacher that does not beat what it should, or that was compared with nothing.

    A weak teacher makes every compressor look good. What it should beat, by the first metric: the student's model
    trained without a teacher on the same data under the same seed, ``pop`` and ``ease``; the best of what is there. It
    is compared on the validation part where all of them were measured there (as before a student is trained, when
    simple models that have no run are fitted for it), else on the test part.

    Args:
        results: among them students.
        store: all finished runs that are known.
    """
    known = list(store)
    rivals = Rivals(known)
    by_id = {result.run_id: result for result in known}
    taught: dict[str, list[RunResult]] = {}
    for student in results:
        for run in student.teacher_runs:
            if run in by_id and by_id[run].comparable_with(student):
                taught.setdefault(run, []).append(student)
    lines = (_of_teacher(by_id[run], students, rivals) for run, students in taught.items())
    return [line for line in lines if line]


def is_rival(run: RunResult, teacher: RunResult, model: JsonView, seed: int) -> bool:
    """Whether a teacher should beat a run: the student's model and seed, fitted and nothing else; or a simple model of
    another kind than the teacher is."""
    if run.run_id == teacher.run_id or run.fingerprint != teacher.fingerprint or run.compress_order != FIT_ONLY:
        return False
    simple = run.model_name in SIMPLE and run.model_name != teacher.model_name
    return simple or (run.model_config == model and run.seed == seed)


def verdict(teacher: Measured, rivals: Sequence[Measured], metric: str, part: Literal["valid", "test"]) -> str | None:
    """Verdict on a teacher against the best of its rivals; None if it beats them all."""
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


class Rivals:
    """What teachers should beat, among thousands of runs."""

    def __init__(self, known: Sequence[RunResult]) -> None:
        self._simple: list[tuple[int, RunResult]] = []
        self._fitted: dict[str, list[tuple[int, RunResult]]] = {}
        for place, run in enumerate(known):
            if run.compress_order == FIT_ONLY:
                self._fitted.setdefault(run.model_and_seed, []).append((place, run))
                if run.model_name in SIMPLE:
                    self._simple.append((place, run))

    def of(self, teacher: RunResult, students: Sequence[RunResult], metric: str) -> list[RunResult]:
        """Those that were measured like the teacher, in the order of the store."""
        begun = {student.model_and_seed for student in students}
        near = dict(self._simple)
        for key in begun:
            near.update(self._fitted.get(key, ()))
        return [
            run
            for _, run in sorted(near.items(), key=lambda item: item[0])
            if metric in run.metrics and run.comparable_with(teacher)
            if is_rival(run, teacher, *((run.model_config, run.seed) if run.model_and_seed in begun else ({}, -1)))
        ]


def _of_teacher(teacher: RunResult, students: Sequence[RunResult], known: Rivals) -> str | None:
    metric = students[0].first_metric
    if metric is None or metric not in teacher.metrics or higher_is_better(metric) is None:
        return None
    rivals = known.of(teacher, students, metric)
    runs = (teacher, *rivals)
    for rules in teacher.valid:
        found = _measured(runs, [run.valid.get(rules, {}).get(metric) for run in runs])
        fitted = _fitted(teacher, rules, metric)
        if found and (rivals or fitted):
            return verdict(found[0], [*found[1:], *fitted], metric, "valid")
    if rivals:
        found = _measured(runs, [run.metrics[metric] for run in runs])
        return verdict(found[0], found[1:], metric, "test") if found else None
    models = " or ".join(dict.fromkeys(student.model_name for student in students))
    return (
        f"teacher {Measured.of(teacher, 0)} is not compared: the store has neither {models} trained without it "
        f"(compress=none) nor {' or '.join(SIMPLE)} under these rules"
    )


def _measured(runs: Sequence[RunResult], values: Sequence[float | None]) -> list[Measured]:
    """Runs with their values; nothing where one has none."""
    found = [Measured.of(run, value) for run, value in zip(runs, values, strict=True) if value is not None]
    return found if len(found) == len(runs) else []


def _fitted(teacher: RunResult, rules: str, metric: str) -> list[Measured]:
    """Models that were fitted for the comparison alone."""
    models = teacher.baselines.get(rules, {})
    return [Measured(name, None, value) for name, kept in models.items() if (value := kept.get(metric)) is not None]
