"""Teachers beside their students, and what is said of a teacher that beats nothing."""

from __future__ import annotations

import pytest

from rexp.report.teachers import add_teachers, teacher_warnings
from rexp.store.result import RunResult


def result(
    run: str, model: str, ndcg: float, *, teacher: str | None = None, seed: int = 0, rules: str = "r"
) -> RunResult:
    order = [["fit", "distill"]] if teacher else ["fit"]
    config = {"model": {"name": model}, "seed": seed, "teacher": teacher, "compress": {"order": order}}
    content = {
        "run_id": run,
        "config": config,
        "metrics": {"ndcg@10": ndcg},
        "data": {"fingerprint": "d"},
        "facts": {"protocol_id": rules},
    }
    return RunResult(content)


TEACHER = result("t", "lightgcn", 0.30)
STUDENT = result("s", "mf", 0.28, teacher="t")
ANOTHER = result("s1", "mf", 0.27, teacher="t", seed=1)


def test_a_teacher_stands_beside_its_students_once() -> None:
    shown = add_teachers([STUDENT, ANOTHER], [TEACHER, STUDENT, ANOTHER, result("x", "ncf", 0.5)])
    assert [run.run_id for run in shown] == ["s", "s1", "t"]
    assert add_teachers([TEACHER, STUDENT], [TEACHER]) == [TEACHER, STUDENT]
    assert add_teachers([STUDENT], [result("t", "lightgcn", 0.3, rules="other")]) == [STUDENT]


@pytest.mark.parametrize("rival", [result("p", "mf", 0.31), result("e", "ease", 0.30), result("o", "pop", 0.32)])
def test_a_teacher_that_does_not_beat_a_plain_student_or_a_simple_model_is_weak(rival: RunResult) -> None:
    (line,) = teacher_warnings([STUDENT], [TEACHER, STUDENT, rival])
    assert "teacher lightgcn (run t) is weak: its ndcg@10 of 0.3000 on the test part" in line
    assert f"run {rival.run_id}" in line


def test_a_teacher_that_beats_them_all_is_not_spoken_of() -> None:
    assert teacher_warnings([STUDENT], [TEACHER, STUDENT, result("p", "mf", 0.25), result("e", "ease", 0.29)]) == []


@pytest.mark.parametrize(
    "other",
    [
        result("p", "mf", 0.9, seed=7),
        result("p", "mf", 0.9, rules="other"),
        result("p", "ncf", 0.9),
        result("p", "mf", 0.9, teacher="t"),
    ],
)
def test_what_is_no_fair_rival_is_not_compared(other: RunResult) -> None:
    (line,) = teacher_warnings([STUDENT, ANOTHER], [TEACHER, STUDENT, ANOTHER, other])
    assert "not compared" in line


def test_a_model_that_was_fitted_for_the_comparison_alone_counts() -> None:
    """Its values are of the validation part; what else is compared there must have one too."""

    def taught(**parts: object) -> RunResult:
        return RunResult({**TEACHER.content, "valid": {"v": {"ndcg@10": 0.25}}, **parts})

    better = taught(baselines={"v": {"pop": {"ndcg@10": 0.1}, "ease": {"ndcg@10": 0.26}}})
    (line,) = teacher_warnings([STUDENT], [better, STUDENT])
    assert "of 0.2500 on the validation part does not beat the 0.2600 of ease;" in line
    worse = taught(baselines={"v": {"pop": {"ndcg@10": 0.1}, "ease": {"ndcg@10": None}}})
    assert teacher_warnings([STUDENT], [worse, STUDENT]) == []
    (line,) = teacher_warnings([STUDENT], [taught(), STUDENT])
    assert "not compared" in line
    rival = result("p", "mf", 0.31)
    (line,) = teacher_warnings([STUDENT], [worse, STUDENT, rival])
    assert "on the test part" in line
    assert "run p" in line
