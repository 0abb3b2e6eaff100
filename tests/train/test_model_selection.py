"""How long patience lasts."""

from __future__ import annotations

import math

import pytest
from torch import nn

from rexp.errors import ConfigError
from rexp.train.config import FitConfig
from rexp.train.model_selection import Selection, best_epochs


def after(values: dict[int, float], **options: int) -> Selection:
    """A selection that has seen these values of ndcg@10 by epoch."""
    selection = Selection(FitConfig(**options))  # type: ignore[arg-type]
    for epoch, value in values.items():
        selection.observe(epoch, {"ndcg@10": value}, nn.Linear(1, 1))
    return selection


@pytest.mark.parametrize(
    ("values", "epoch", "left"),
    [
        ({1: 0.1}, 1, 3),
        ({1: 0.1, 2: 0.05}, 2, 2),
        ({1: 0.1, 2: 0.05, 3: 0.2}, 3, 3),
        ({1: 0.1, 2: 0.05, 3: 0.05, 4: 0.05}, 4, 0),
    ],
)
def test_patience_is_counted_from_the_best_epoch(values: dict[int, float], epoch: int, left: int) -> None:
    assert after(values, patience=3).epochs_left(epoch) == left


def test_epochs_without_a_validation_count() -> None:
    # Validated every third: 3 and 6 so far, then 9, 12 (from the best, 6, two more).
    assert after({3: 0.1, 6: 0.2}, patience=2, validate_every=3).epochs_left(7) == 12 - 7


def test_without_patience_there_is_no_end() -> None:
    assert after({1: 0.1}, patience=0).epochs_left(1) == math.inf


def test_a_monitor_that_is_no_number_ends_the_fit() -> None:
    with pytest.raises(
        ConfigError, match=r"train\.monitor=ndcg@10 is not a number on the validation part after epoch 2"
    ):
        after({1: 0.1, 2: math.nan})


def test_the_best_epoch_is_one_with_a_value() -> None:
    values = (math.nan, 0.7, 0.6)
    curve = [{"epoch": epoch, "metrics": {"auc": value}} for epoch, value in enumerate(values, 1)]
    assert best_epochs(curve) == {"auc": {"epoch": 2, "value": 0.7}}  # type: ignore[arg-type]
