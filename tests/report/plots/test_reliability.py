from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from rexp.report.html_data import table_contents
from rexp.report.plots.draw_all import draw_all
from rexp.report.plots.reliability import draw_reliability, reliability_curves
from rexp.report.tables import make_tables
from rexp.store.store import Store

from ..stores import add_run

if TYPE_CHECKING:
    from pathlib import Path

SCORES, CALIBRATED = [[30, 0.2, 0.1], [10, 0.9, 0.5]], [[40, 0.2, 0.2]]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two models, of which one was calibrated."""
    for run, facts in (("a0", {"scores": SCORES, "calibrated": CALIBRATED}), ("b0", {"scores": SCORES})):
        add_run(tmp_path / "runs", run, 0, run, 1, 0.5)
        file = tmp_path / "runs" / run / "result.json"
        result = json.loads(file.read_text())
        result["facts"]["reliability"] = facts
        file.write_text(json.dumps(result))
    return Store(tmp_path / "runs")


def test_a_panel_for_the_scores_and_one_for_the_calibrated(store: Store) -> None:
    results = list(store.runs())
    (table,) = make_tables(results)
    figure = draw_reliability(table, reliability_curves(table, results))
    assert [axes.get_xlabel() for axes in figure.axes] == ["probability, as scored", "probability, calibrated"]
    assert [len(axes.lines) for axes in figure.axes] == [3, 2]  # the diagonal too
    assert list(figure.axes[0].lines[1].get_xdata()) == [0.2, 0.9]
    assert list(figure.axes[0].lines[1].get_ydata()) == [0.1, 0.5]


def test_the_page_and_the_folder_have_it(store: Store, tmp_path: Path) -> None:
    results = list(store.runs())
    (table,) = make_tables(results)
    found = table_contents(table, results, store)["pictures"]["reliability"]
    assert found["kinds"] == ["as scored", "calibrated"]
    assert found["rows"][0]["bins"] == {"as scored": SCORES, "calibrated": CALIBRATED}
    names = [file.name for file in draw_all(results, [table], store, tmp_path / "plots", [".svg"])]
    assert names[-1] == "1-toy-protocol-full-reliability.svg"


def test_the_index_leaves_it_out(store: Store) -> None:
    list(store.summaries())
    assert all("reliability" not in result.facts for result in store.summaries())
