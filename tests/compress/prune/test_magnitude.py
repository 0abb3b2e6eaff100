"""Masks inside a fit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from rexp.api import StageContext
from rexp.compress.prune.magnitude import Magnitude, MagnitudeConfig
from rexp.losses.bpr import BPR, BPRConfig
from rexp.nn.embedding import EmbeddingTable
from rexp.samplers.uniform import Uniform, UniformConfig
from rexp.train.config import DeviceConfig, FitConfig
from rexp.train.fit import FitReport, fit
from rexp.train.job import FitJob
from rexp.train.stage_hooks import Attachments
from tests.compress.embed.helpers import SPLIT, mf, uneven_mf

if TYPE_CHECKING:
    from rexp.train.job import OnEpoch


def pruning(model: nn.Module, max_epochs: int = 12, **options: Any) -> Any:
    context = StageContext(SPLIT, torch.Generator().manual_seed(0), max_epochs=max_epochs)
    return Magnitude(MagnitudeConfig(**options)).attach(model, context)


def zeros(model: nn.Module) -> float:
    weights = [part.weight for part in model.modules() if isinstance(part, EmbeddingTable)]
    return sum(int((w == 0).sum()) for w in weights) / sum(w.numel() for w in weights)


def test_the_ramp_is_cubic_and_ends_one_epoch_before_the_last_at_most() -> None:
    model = mf(item_bias=False)
    stage = pruning(model, sparsity=0.8, ramp=4)
    found = []
    for epoch in range(1, 7):
        stage.on_epoch(epoch)
        found.append(zeros(model))
    assert found == pytest.approx([0.0, 0.4625, 0.7, 0.7875, 0.8, 0.8], abs=1e-3)
    short = pruning(mf(), max_epochs=3, ramp=50)
    assert [short.on_epoch(epoch) or short.settled for epoch in (1, 2, 3)] == [False, False, True]
    assert pruning(mf(), max_epochs=1).ramp == 0


def test_the_masks_of_the_end_are_put_on_at_once_and_taken_off_again() -> None:
    model = mf(item_bias=False)
    stage = pruning(model, sparsity=0.8, ramp=4)
    attached = Attachments([stage], [torch.Generator()], 0)
    dense = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with attached.settled_at_once(model) as known:
        assert known
        assert zeros(model) == pytest.approx(0.8, abs=1e-3)
    assert all(torch.equal(tensor, dense[name]) for name, tensor in model.state_dict().items())
    stage.on_epoch(1)
    assert (zeros(model), stage.settled) == (0.0, False)


def test_what_settles_in_an_unknown_way_is_not_measured_before_its_epochs() -> None:
    model, other = mf(item_bias=False), nn.Module()
    other.settled = False
    with Attachments([other, pruning(model)], [torch.Generator()] * 2, 0).settled_at_once(model) as known:
        assert not known
        assert zeros(model) == 0.0


def test_weights_that_move_scores_little_go_first() -> None:
    errors = {}
    for importance in ("magnitude", "scores"):
        model, whole = uneven_mf()
        stage = pruning(model, sparsity=0.5, ramp=0, importance=importance)
        stage.on_epoch(1)
        assert zeros(model) == pytest.approx(0.5, abs=1e-3)
        with torch.no_grad():
            errors[importance] = float((model.users.weight @ model.items.weight.T - whole).square().mean())
    assert errors["scores"] < errors["magnitude"] / 2


def trained(directory: Path, epochs: int, on_epoch: Sequence[OnEpoch] = (), **options: Any) -> tuple[Any, FitReport]:
    """A fit with Adam and weight decay, which move every weight at every step."""
    model = mf(item_bias=False).train()
    recipe = FitConfig(
        max_epochs=epochs, batch_size=64, lr=0.01, weight_decay=0.01, select_epoch="last", validate_on="none"
    )
    stage = pruning(model, max_epochs=6, **options)
    report = fit(FitJob(
        model, SPLIT, recipe, DeviceConfig(progress="none", accelerator="cpu"), loss=BPR(BPRConfig()),
        sampler=Uniform(UniformConfig(), SPLIT), seed=0, directory=directory, validate=None,
        on_epoch=on_epoch, attachments=Attachments([stage], [torch.Generator()], 0),
    ))  # fmt: skip
    return model, report


def test_masks_hold_under_an_optimizer_with_momentum_and_leave_plain_zeros(tmp_path: Path) -> None:
    model, _ = trained(tmp_path, 6, sparsity=0.75, ramp=3, min_per_row=0)
    assert zeros(model) == pytest.approx(0.75, abs=1e-3)
    assert set(model.state_dict()) == set(mf(item_bias=False).state_dict())


@pytest.mark.parametrize("last", [2, 5])  # while the sparsity grows, and after
def test_a_fit_that_goes_on_has_the_masks_of_one_that_never_stopped(tmp_path: Path, last: int) -> None:
    def stop(epoch: int, _values: Any) -> None:
        if epoch == last:
            raise KeyError("the power is gone")

    whole, _ = trained(tmp_path / "whole", 6, sparsity=0.75, ramp=4)
    with pytest.raises(KeyError, match="power"):
        trained(tmp_path / "cut", 6, [stop], sparsity=0.75, ramp=4)
    resumed, _ = trained(tmp_path / "cut", 6, sparsity=0.75, ramp=4)
    for one, other in ((whole.users, resumed.users), (whole.items, resumed.items)):
        assert torch.equal(one.weight == 0, other.weight == 0)
        assert torch.equal(one.weight, other.weight)


def test_every_row_keeps_its_floor(tmp_path: Path) -> None:
    model, _ = trained(tmp_path, 6, sparsity=0.9, ramp=2, min_per_row=2)
    for table in (model.users, model.items):
        assert int((table.weight != 0).sum(1).min()) == 2


def test_zeros_that_are_there_are_held(tmp_path: Path) -> None:
    model = mf(item_bias=False)
    with torch.no_grad():
        model.users.weight[::2] = 0
    stage = pruning(model, sparsity=None)
    stage.on_epoch(1)
    with torch.no_grad():
        model.users.weight += 1
        model.items.weight += 1
    stage.after_step()
    assert not model.users.weight[::2].any()
    assert model.users.weight[1::2].all()
    assert model.items.weight.all()


def test_no_epoch_is_chosen_before_the_sparsity_is_reached(tmp_path: Path) -> None:
    model = mf(item_bias=False).train()
    recipe = FitConfig(max_epochs=6, batch_size=64, lr=0.01, monitor="x", patience=2)
    falling = iter([0.9, 0.8, 0.7, 0.5, 0.6, 0.4])  # better while less is pruned
    report = fit(FitJob(
        model, SPLIT, recipe, DeviceConfig(progress="none", accelerator="cpu"), loss=BPR(BPRConfig()),
        sampler=Uniform(UniformConfig(), SPLIT), seed=0, directory=tmp_path, validate=lambda _: {"x": next(falling)},
        attachments=Attachments([pruning(model, max_epochs=6, sparsity=0.8, ramp=3)], [torch.Generator()], 0),
    ))  # fmt: skip
    assert report.selected_epoch == 5
    assert not report.stopped_early
    assert zeros(model) == pytest.approx(0.8, abs=1e-3)


def test_what_became_empty_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    model = mf(item_bias=False)
    with torch.no_grad():
        model.users.weight[:7] *= 1e-6
    stage = pruning(model, sparsity=0.5, ramp=0, min_per_row=0)
    stage.on_epoch(1)
    stage.finish()
    assert "7 of 60 rows of users are all zeros" in capsys.readouterr().err


@pytest.mark.parametrize("options", [{"sparsity": 1.0}, {"initial": 0.9}, {"ramp": -1}, {"kinds": ()}])
def test_what_cannot_be_asked_for(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        MagnitudeConfig(**options)
