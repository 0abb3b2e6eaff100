from __future__ import annotations

from rexp.report.row_names import short_names
from rexp.report.rows import Row


def row(labels: tuple[str, ...], difference: str) -> Row:
    return Row(labels, difference, (0,), ("r",), {}, {})


def test_a_key_is_as_long_as_it_takes_to_tell_it_from_others() -> None:
    rows = [row(("mf", "kd"), "compress.stages.kd.weight=0.5, model.factors=8, teacher.factors=64"), row(("pop",), "")]
    assert short_names(rows) == ["mf kd (weight=0.5, model.factors=8, teacher.factors=64)", "pop"]


def test_a_value_may_have_commas() -> None:
    assert short_names([row(("mf",), 'a.order=["fit", "x"], a.b=1')]) == ['mf (order=["fit", "x"], b=1)']
