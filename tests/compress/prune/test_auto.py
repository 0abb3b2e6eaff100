"""Sparsity that validation allows."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rexp.api import Requirement, StageContext
from rexp.compress.prune._masks import topk_masks
from rexp.compress.prune.auto import sparsity_found
from rexp.compress.prune.magnitude import Magnitude, MagnitudeConfig
from rexp.compress.prune.pack import Pack, PackConfig
from tests.compress.embed.helpers import SPLIT, mf


def context(model: Any, value: Any) -> StageContext:
    """A metric of the share of weights that are there."""

    def validate() -> float:
        weights = [model.users.weight, model.items.weight]
        return float(value(sum(int((w != 0).sum()) for w in weights) / sum(w.numel() for w in weights)))

    return StageContext(SPLIT, torch.Generator(), max_epochs=6, validate=validate)


@pytest.mark.parametrize(
    ("value", "tolerance", "expected"),
    [
        (lambda there: 0.4 if there > 0.365 else 0.2, 0.02, 0.6),  # between .6 and .65 it falls
        (lambda there: 0.4 - 0.01 * (round(there, 2) in (0.65, 0.5)) - 0.3 * (there < 0.345), 0.02, 0.65),  # dips
        (lambda there: 0.4 * there, 0.1005, 0.10),
        (lambda there: there - 2, 0.2505, 0.25),  # an error, negated: from -1 to -1.25
        (lambda there: 0.4, 0.0, 0.99),
        (lambda there: there, 0.0, 0.0),
    ],
)
def test_the_largest_that_costs_no_more_than_is_tolerated(value: Any, tolerance: float, expected: float) -> None:
    model = mf(item_bias=False)
    weights = [model.users.weight, model.items.weight]
    before = [matrix.detach().clone() for matrix in weights]
    around = context(model, value)
    found = sparsity_found(weights, lambda share: topk_masks(weights, share), tolerance, around)
    assert found == pytest.approx(expected)
    assert all(torch.equal(matrix, kept) for matrix, kept in zip(weights, before, strict=True))
    assert around.found["sparsity"] == pytest.approx(expected)
    assert around.found["unpruned"] == pytest.approx(value(1.0))
    assert around.found["pruned"] == pytest.approx(value(1 - expected), abs=1e-3)


def test_a_fine_tune_holds_what_was_found() -> None:
    model = mf(item_bias=False)
    stage = Magnitude(MagnitudeConfig(sparsity="auto", initial=0.9, ramp=2, min_per_row=0))
    assert stage.needs == {Requirement.TABLES, Requirement.VALIDATION}
    around = context(model, lambda there: 0.4 if there > 0.365 else 0.2)
    pruning = stage.attach(model, around)
    assert around.found["sparsity"] == 0.6
    pruning.on_epoch(3)
    assert pruning.settled
    there = (model.users.weight != 0).sum() + (model.items.weight != 0).sum()
    assert there == model.users.weight.numel() + model.items.weight.numel() - round(0.6 * 16 * (60 + 43))


def test_a_packed_table_has_as_many_zeros_as_were_found() -> None:
    model = mf(item_bias=False)
    weights = model.users.weight.numel() + model.items.weight.numel()
    around = context(model, lambda there: 0.4 if there > 0.365 else 0.2)
    stage = Pack(PackConfig(sparsity="auto"))
    assert Requirement.VALIDATION in stage.needs
    assert Requirement.VALIDATION not in Pack(PackConfig()).needs
    stage.apply(model, around)
    there = sum(table.options["n_values"] for table in (model.users, model.items))
    assert there == pytest.approx(0.4 * weights, abs=1)


@pytest.mark.parametrize("options", [{"sparsity": 1.0}, {"sparsity": -0.1}, {"tolerance": -0.1}, {"tolerance": 1.0}])
@pytest.mark.parametrize("config", [MagnitudeConfig, PackConfig])
def test_what_is_no_share_is_refused(config: Any, options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be at least 0 and below 1"):
        config(**options)
