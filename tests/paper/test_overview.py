"""The overview of a study: its methods by its tables."""

from __future__ import annotations

from dataclasses import replace

from rexp.paper.overview import overview
from rexp.paper.paper import Group
from rexp.paper.study import Line, Table
from rexp.paper.study import Tested as Outcome

BETTER, WORSE, SAME = Outcome(0.01, 0.001), Outcome(-0.01, 0.049), Outcome(0.02, 0.05)
FIRST = Table(
    Group("first"),
    (
        Line("none", means={"ndcg@10": 0.05}, against_control=BETTER),
        Line("kd", means={"ndcg@10": 0.06, "recall@50": 0.3}, against_plain=BETTER, against_control=BETTER),
        Line("de", means={"ndcg@10": 0.04}, against_plain=WORSE, against_control=WORSE),
        Line("best", means={"ndcg@10": 0.06}, stands_for="kd"),
    ),
    None,
    5,
    100,
    teacher=0.07,
)
SECOND = Table(
    Group("second"),
    (Line("none", means={"ndcg@10": 0.1}), Line("svd", means={"ndcg@10": 0.12}, against_plain=SAME), Line("kd")),
    None,
    1,
    100,
)
CANDIDATES = Table(Group("teachers", ranked=False), (Line("ease", means={"ndcg@10": 0.07}),), None, 0, 0)
BEGUN = Table(Group("third"), (Line("none"), Line("kd")), None, 0, 0)


def test_methods_stand_beside_their_outcomes_in_every_table() -> None:
    found = overview([FIRST, SECOND, BEGUN, CANDIDATES], "ndcg@10")
    assert found is not None
    assert found.titles == ("row", "first", "second")
    assert found.lines == (
        ("none", "0.0500 ‡", "0.1000"),
        ("kd", "0.0600 †‡", "-"),
        ("de", "0.0400 ↓", "-"),
        ("svd", "-", "0.1200"),
        ("(teacher)", "0.0700", "-"),
    )
    assert found.below[0].startswith("ndcg@10. †: ahead of the plain row")


def test_one_table_needs_no_overview() -> None:
    assert overview([FIRST, BEGUN, CANDIDATES], "ndcg@10") is None


def test_a_study_without_teachers_has_no_line_for_them() -> None:
    found = overview([replace(FIRST, teacher=None), SECOND], "ndcg@10")
    assert found is not None
    assert [line[0] for line in found.lines] == ["none", "kd", "de", "svd"]
