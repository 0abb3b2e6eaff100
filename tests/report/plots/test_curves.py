from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rexp.report.plots.curves import draw_curves, learning_curves

if TYPE_CHECKING:
    from ..conftest import Made


def test_a_curve_is_mean_and_spread_of_every_epoch(made: Made) -> None:
    curves = learning_curves(["8a0", "8a1"], made.store)
    assert list(curves) == ["ndcg@10", "train_loss"]
    assert curves["ndcg@10"].epochs == (1, 2, 3)
    assert [cell.mean for cell in curves["ndcg@10"].cells] == pytest.approx([0.1605 / 4, 0.1605 / 2, 0.1605 * 3 / 4])
    assert curves["ndcg@10"].cells[2].sd == pytest.approx(0.00075 / 2**0.5)
    assert curves["train_loss"].cells[1].n == 2


def test_a_run_without_epochs_has_none(made: Made) -> None:
    assert learning_curves(["6a0"], made.store) == {}


def test_the_picture_has_a_line_for_each_row_with_epochs(made: Made) -> None:
    figure = draw_curves(made.full, made.store)
    assert figure is not None
    metric, loss = figure.axes
    assert (metric.get_ylabel(), loss.get_ylabel()) == ("ndcg@10, while training", "train_loss")
    assert len(metric.lines) == len(made.full.rows) - 1
