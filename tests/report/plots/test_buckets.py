from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from rexp.report.plots.buckets import by_activity, by_popularity, draw_buckets

if TYPE_CHECKING:
    from ..conftest import Made


def test_users_are_cut_into_thirds_by_what_they_trained_on(made: Made) -> None:
    found = by_activity(made.full, made.store, "ndcg@10")
    assert found is not None
    assert found.names == ("cold: up to 3 training interactions", "cool: 4 to 6", "warm: 7 and more")
    cells = found.cells[made.place("8a0")]
    # Users 0, 1, 2 have 1, 2, 3 interactions; user u has the value u times the run's.
    assert [cell.mean for cell in cells] == pytest.approx([0.1605 * mean for mean in (1, 4, 7)])
    assert all(cell.n == 2 for cell in cells)
    assert by_activity(made.full, made.store, "gini@10") is None


def test_items_come_in_the_buckets_that_runs_kept(made: Made) -> None:
    found = by_popularity(made.two_stage, made.results, "ndcg@10|two_stage")
    assert found is not None
    assert found.names == ("cold: up to 2 training users", "cool: 3 to 5", "warm: 6 and more")
    cold, cool, warm = found.cells[0]
    assert math.isnan(cold.mean)
    assert warm.mean == pytest.approx(2 * cool.mean) == 2 * made.two_stage.rows[0].cells["ndcg@10|two_stage"].mean
    assert by_popularity(made.full, made.results, "gini@10") is None


def test_the_picture_has_bars_for_every_row_and_bucket(made: Made) -> None:
    found = [by_activity(made.full, made.store, "ndcg@10"), by_popularity(made.full, made.results, "ndcg@10")]
    figure = draw_buckets(made.full, "ndcg@10", [one for one in found if one is not None])
    assert [len(axes.containers) for axes in figure.axes] == [2 * len(made.full.rows)] * 2  # bars and their spreads
    assert figure.axes[0].get_xlabel() == "user activity"
