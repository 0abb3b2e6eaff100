from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rexp.report.plots.gaps import draw_gaps, gaps
from rexp.store.result import RunResult

if TYPE_CHECKING:
    from ..conftest import Made


def test_students_stand_beside_their_teacher_and_their_control(made: Made) -> None:
    (gap,) = gaps(made.full, made.results, "ndcg@10")
    assert gap.place == made.place("5a0")
    assert (gap.student.mean, gap.student.n) == (pytest.approx(0.1005), 2)
    assert (gap.teacher.mean, gap.teacher.n) == (0.5, 1)
    assert (gap.control.mean, gap.control.n) == (pytest.approx(0.0805), 2)
    assert [len(container) for container in draw_gaps(made.full, "ndcg@10", [gap]).axes[0].containers[1::2]] == [1] * 3


def test_a_teacher_or_control_under_other_rules_or_trained_otherwise_is_none(made: Made) -> None:
    def changed(run: str, **parts: object) -> list[RunResult]:
        return [RunResult({**one.content, **parts}) if one.run_id == run else one for one in made.results]

    known = {one.run_id: one for one in made.results}
    other = known["9a200"].facts
    assert gaps(made.full, changed("7a0", facts=other), "ndcg@10") == []
    config = known["4a0"].config
    (gap,) = gaps(made.full, changed("4a0", config={**config, "fit": {"lr": 9}}), "ndcg@10")
    assert gap.control.n == 1
