from __future__ import annotations

from typing import TYPE_CHECKING

from rexp.report.plots.retrieval import columns_of, draw_retrieval, sweeps
from rexp.report.tables import make_tables

if TYPE_CHECKING:
    from ..conftest import Made


def test_rows_that_differ_in_the_number_of_candidates_make_a_curve(made: Made) -> None:
    (sweep,) = sweeps(made.two_stage, made.results)
    assert sweep.n_candidates == (20, 50, 100)
    assert [made.two_stage.rows[place].runs[0] for place in sweep.places] == ["9a200", "9a500", "9a1000"]
    assert sweep.name == "mf"
    assert sweeps(made.full, made.results) == []


def test_the_number_may_be_a_key_of_the_rows(made: Made) -> None:
    two_stage = [result for result in made.results if result.facts["protocol"] == "two_stage"]
    (table,) = make_tables(two_stage, ["model", "retriever.n_candidates"])
    assert [sweep.name for sweep in sweeps(table, made.results)] == ["mf"]


def test_the_picture_shows_the_metric_its_ceiling_and_the_index(made: Made) -> None:
    figure = draw_retrieval(made.two_stage, sweeps(made.two_stage, made.results))
    shown = [axes for axes in figure.axes if axes.lines]
    assert [axes.get_ylabel() for axes in shown] == columns_of(made.two_stage)
    assert columns_of(made.two_stage) == ["ndcg@10|two_stage", "recall_ceiling@10|two_stage", "index_recall|two_stage"]
    assert list(shown[0].lines[0].get_xdata()) == [20, 50, 100]
