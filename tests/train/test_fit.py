"""What a fit does to a model and says of itself."""

from __future__ import annotations

import itertools
import json
import math
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rexp.api import Batch, Capability, Layout, Query
from rexp.errors import ConfigError, RunError
from rexp.io.text import note
from rexp.train.batches import Batches
from rexp.train.config import DeviceConfig, FitConfig
from rexp.train.devices import trainer_options
from rexp.train.fit import FitReport, fit
from rexp.train.job import FitJob
from rexp.train.model_selection import copy_weights
from rexp.train.rng import derived_seed
from tests.train.tiny import Dot, Drawn, Logistic, Ranking, make_split

SPLIT = make_split()
Validate = Callable[[nn.Module], Mapping[str, float]]


def train(
    directory: Path,
    model: nn.Module | None = None,
    validate: Validate | None = None,
    loss: Any = None,
    device: DeviceConfig | None = None,
    fitted: bool = False,
    **recipe: Any,
) -> tuple[Dot, FitReport]:
    model = model or Dot(SPLIT)
    options = {"max_epochs": 4, "batch_size": 64, "lr": 0.05, "select_epoch": "best" if validate else "last", **recipe}
    report = fit(FitJob(
        model, SPLIT, FitConfig(**options), device or DeviceConfig(progress="none"), loss=loss or Logistic(),
        sampler=Drawn(SPLIT.n_items), seed=2, directory=directory, validate=validate, fitted=fitted,
    ))  # fmt: skip
    return model, report  # type: ignore[return-value]


def planned(values: list[float], name: str = "ndcg@10|full") -> tuple[Validate, list[dict[str, Tensor]]]:
    """A validation that gives these values, and the weights it saw."""
    seen: list[dict[str, Tensor]] = []

    def validate(model: nn.Module) -> Mapping[str, float]:
        seen.append(copy_weights(model))
        return {"hr@10|full": 0.5, name: values[len(seen) - 1]}

    return validate, seen


def same(model: nn.Module, weights: Mapping[str, Tensor]) -> bool:
    return all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())


class Bilinear(Dot):
    """Has a linear layer, which autocast runs in half precision."""

    def __init__(self) -> None:
        super().__init__(SPLIT)
        generator = torch.Generator().manual_seed(1)
        self.layer = nn.Parameter(torch.randn(8, 8, generator=generator) / 8)

    def score(self, query: Query, items: Tensor) -> Tensor:
        return (nn.functional.linear(self.dropout(self.users[query.users]), self.layer) * self.items[items]).sum(-1)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_it_does_the_steps_of_a_plain_loop(tmp_path: Path, precision: Any) -> None:
    """The same weights, bit by bit, as plain PyTorch over the same batches, also with an autocast context a step."""
    device = DeviceConfig(progress="none", precision=precision)
    trained, _ = train(tmp_path, Bilinear(), max_epochs=3, clip_norm=0.1, device=device)
    model = Bilinear()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05, fused=True)
    batches = Batches(SPLIT.train, SPLIT.n_users, Layout.POINTWISE, 64, Drawn(SPLIT.n_items), 2)
    for epoch in (1, 2, 3):
        batches.epoch = epoch
        torch.manual_seed(derived_seed(2, epoch, 2, 0))
        for batch in itertools.chain.from_iterable(batches):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=precision != "32-true"):
                Logistic()(model.score(batch.query, batch.items), batch).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            optimizer.step()
    assert same(trained, copy_weights(model))


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "adagrad"])
@pytest.mark.parametrize("loss", [Logistic(), Ranking()])
def test_every_optimizer_learns(tmp_path: Path, optimizer: str, loss: Any) -> None:
    lr = 5.0 if optimizer == "sgd" else 0.05
    _, report = train(tmp_path, Dot(SPLIT, dropout=0), loss=loss, optimizer=optimizer, lr=lr, max_epochs=8)
    assert report.curve[-1]["train_loss"] < 0.8 * report.curve[0]["train_loss"]


def test_the_best_epoch_is_the_result(tmp_path: Path) -> None:
    validate, seen = planned([0.1, 0.3, 0.2, 0.3])
    model, report = train(tmp_path, validate=validate)
    assert same(model, seen[1])
    assert (report.selected, report.selected_epoch) == ("best epoch 2 by ndcg@10", 2)
    assert report.best_epoch["ndcg@10|full"] == {"epoch": 2, "value": 0.3}
    assert [row["metrics"]["ndcg@10|full"] for row in report.curve] == [0.1, 0.3, 0.2, 0.3]
    json.dumps(report.summary())


@pytest.mark.parametrize(("before", "epoch"), [(0.4, 0), (0.3, 0), (0.2, 2)])
def test_a_fitted_model_stays_as_it_was_where_no_epoch_is_better(before: float, epoch: int, tmp_path: Path) -> None:
    validate, seen = planned([before, 0.1, 0.3, 0.2, 0.3])
    start = copy_weights(Dot(SPLIT))
    model, report = train(tmp_path, validate=validate, fitted=True)
    assert all(torch.equal(tensor, start[name]) for name, tensor in seen[0].items())
    assert same(model, seen[epoch])
    assert report.selected_epoch == epoch
    assert report.selected.startswith(f"best epoch {epoch}" if epoch else "no epoch, the model before them is best")
    assert report.before["ndcg@10|full"] == before
    assert [row["epoch"] for row in report.curve] == [1, 2, 3, 4]
    # The epochs are those of a fit that did not look first.
    unseen, alone = planned([0.1, 0.3, 0.2, 0.3])
    _, plain = train(tmp_path / "plain", validate=unseen)
    assert all(torch.equal(tensor, alone[3][name]) for name, tensor in seen[4].items())
    assert plain.before == {}


def test_the_last_epoch_of_a_fitted_model_is_taken_where_that_is_asked_for(tmp_path: Path) -> None:
    validate, seen = planned([0.1, 0.3, 0.2, 0.3])
    model, report = train(tmp_path, validate=validate, fitted=True, select_epoch="last")
    assert same(model, seen[3])
    assert report.before == {}


def test_an_error_is_better_when_lower(tmp_path: Path) -> None:
    validate, seen = planned([0.9, 0.7, 0.8, 0.95], name="rmse")
    model, report = train(tmp_path, validate=validate, monitor="rmse")
    assert same(model, seen[1])
    assert report.best_epoch["rmse"]["value"] == 0.7


def test_the_last_epochs_can_be_averaged(tmp_path: Path) -> None:
    validate, seen = planned([0.1, 0.3, 0.2, 0.3])
    model, report = train(tmp_path, validate=validate, select_epoch="last_k", last_k=2)
    expected = {name: ((seen[2][name].double() + seen[3][name].double()) / 2).float() for name in seen[0]}
    assert same(model, expected)
    assert report.selected == "mean of the last 2 epochs"


def test_the_last_epoch_needs_no_monitor(tmp_path: Path) -> None:
    validate, seen = planned([0.1, 0.3, 0.2, 0.3])
    model, report = train(tmp_path, validate=validate, select_epoch="last", monitor="nothing")
    assert same(model, seen[-1])
    assert report.selected == "last epoch 4"


def test_patience_ends_a_fit(tmp_path: Path) -> None:
    validate, seen = planned([0.1, 0.3, 0.2, 0.3, 0.9])
    model, report = train(tmp_path, validate=validate, patience=2, max_epochs=5)
    assert report.stopped_early
    assert (report.epochs_run, report.selected_epoch) == (4, 2)
    assert same(model, seen[1])


def test_the_learning_rate_falls_where_nothing_is_gained(tmp_path: Path) -> None:
    validate, seen = planned([0.1, 0.3, 0.2, 0.4])
    train(tmp_path, validate=validate, lr_decay=1e-9, optimizer="sgd")
    assert not torch.equal(seen[0]["items"], seen[1]["items"])
    assert not torch.equal(seen[1]["items"], seen[2]["items"])
    torch.testing.assert_close(seen[3]["items"], seen[2]["items"])


def test_validation_every_few_epochs_and_always_at_the_end(tmp_path: Path) -> None:
    validate, _seen = planned([0.1, 0.2, 0.3])
    _, report = train(tmp_path, validate=validate, validate_every=2, max_epochs=5)
    assert [bool(row["metrics"]) for row in report.curve] == [False, True, False, True, True]
    assert report.selected_epoch == 5


def test_an_unknown_monitor_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"train\.monitor=ndgc@10 is not measured; did you mean 'ndcg@10"):
        train(tmp_path, validate=planned([0.1])[0], monitor="ndgc@10")


@pytest.mark.parametrize(
    ("recipe", "text"),
    [
        ({"select_epoch": "best", "validate_on": "test"}, r"select_on_test=true"),
        (
            {"select_epoch": "last", "validate_on": "test", "patience": 2},
            r"train\.patience with train\.validate_on=test",
        ),
        ({"select_epoch": "best", "validate_on": "none"}, r"train\.validate_on=none"),
        ({"select_epoch": "best"}, "need a validation"),
        ({"select_epoch": "last", "lr_decay": 0.1}, r"train\.lr_decay=0\.1 follows what is watched"),
    ],
)
def test_a_recipe_that_contradicts_itself_is_refused(tmp_path: Path, recipe: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        train(tmp_path, **recipe)


def test_choosing_on_the_test_part_is_said_in_the_result(tmp_path: Path) -> None:
    _, report = train(tmp_path, validate=planned([0.1, 0.3, 0.2, 0.3])[0], validate_on="test", select_on_test=True)
    assert report.selected == "best epoch 2 by ndcg@10 on the test part"


def test_a_loss_that_is_not_finite_ends_the_fit(tmp_path: Path) -> None:
    model = Dot(SPLIT)
    model.users.data[3] = math.inf
    with pytest.raises(RunError, match=r"not finite in epoch 1; try a smaller train\.lr"):
        train(tmp_path, model)


def test_a_frozen_model_is_refused(tmp_path: Path) -> None:
    model = Bilinear().requires_grad_(False)
    with pytest.raises(ConfigError, match=r"^Bilinear has no parameter to train: all are frozen, or a stage made"):
        train(tmp_path, model, max_epochs=1)
    assert not list(tmp_path.iterdir())


def test_a_loss_that_reaches_nothing_trained_is_refused(tmp_path: Path) -> None:
    model = Bilinear().requires_grad_(False)
    model.apart = torch.nn.Parameter(torch.zeros(2))
    with pytest.raises(RunError, match=r"^the loss depends on no parameter that is trained"):
        train(tmp_path, model, max_epochs=1)


def test_what_is_frozen_stays_and_the_rest_learns(tmp_path: Path) -> None:
    model = Bilinear()
    model.users.requires_grad_(False)
    users, items = model.users.detach().clone(), model.items.detach().clone()
    train(tmp_path, model, max_epochs=1)
    assert torch.equal(model.users, users)
    assert not torch.equal(model.items, items)


def test_own_loss_and_penalty_are_used(tmp_path: Path) -> None:
    model = Dot(SPLIT, dropout=0, abilities=frozenset({Capability.OWN_LOSS, Capability.REGULARIZED}))
    report = fit(FitJob(
        model, SPLIT, FitConfig(max_epochs=1, batch_size=10**6, select_epoch="last"), DeviceConfig(progress="none"),
        loss=None, sampler=None, seed=0, directory=tmp_path, validate=None,
    ))  # fmt: skip
    fresh = Dot(SPLIT, dropout=0)
    users, items = torch.from_numpy(SPLIT.train.users).long(), torch.from_numpy(SPLIT.train.items).long()
    rows = fresh.users.detach()[users]
    expected = (rows * fresh.items.detach()[items]).sum(1).square().mean() + 0.1 * rows.square().mean()
    assert report.curve[0]["train_loss"] == pytest.approx(float(expected), rel=1e-5)


def test_a_model_without_a_loss_of_its_own_needs_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="loss=NAME"):
        fit(FitJob(
            Dot(SPLIT), SPLIT, FitConfig(select_epoch="last"), DeviceConfig(), loss=None, sampler=None, seed=0,
            directory=tmp_path, validate=None,
        ))  # fmt: skip


@pytest.mark.parametrize(
    ("device", "text"),
    [({"precision": "16-mixed", "accelerator": "cpu"}, "bf16-mixed"), ({"accelerator": "gpu"}, "no GPU")],
)
def test_what_the_machine_cannot_do_is_refused(tmp_path: Path, device: dict[str, Any], text: str) -> None:
    if torch.cuda.is_available() and device.get("accelerator") == "gpu":
        pytest.skip("there is a GPU here")
    with pytest.raises(ConfigError, match=text):
        train(tmp_path, device=DeviceConfig(**device))


@pytest.mark.parametrize(("bf16", "amx", "told"), [(False, False, 1), (True, False, 0), (False, True, 0)])
def test_bf16_on_a_processor_without_instructions_for_it_is_told(
    bf16: bool, amx: bool, told: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: bf16, raising=False)
    monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: amx, raising=False)
    monkeypatch.setattr("rexp.train.devices.platform.machine", lambda: "x86_64")
    note.cache_clear()
    trainer_options(DeviceConfig(precision="bf16-mixed", accelerator="cpu"), FitConfig())
    trainer_options(DeviceConfig(accelerator="cpu"), FitConfig())
    assert [record.getMessage().count("train.precision=32-true") for record in caplog.records] == [1] * told


def test_nothing_is_printed_and_nothing_is_left_but_the_checkpoint(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(tmp_path)
    assert capfd.readouterr() == ("", "")
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()] == [
        "checkpoints/last.ckpt"
    ]


def test_ratings_are_learned_without_negatives(tmp_path: Path) -> None:
    from dataclasses import replace

    class Error:
        layout, config = Layout.POINTWISE, SimpleNamespace(target="rating")
        sizes: list[int] = []  # noqa: RUF012

        def __call__(self, scores: Tensor, batch: Batch) -> Tensor:
            assert batch.labels is not None
            assert set(batch.labels.tolist()) <= {1.0, 5.0}
            self.sizes.append(len(scores))
            return (scores - batch.labels).square().mean()

    loss = Error()
    with pytest.raises(ConfigError, match="needs ratings"):
        train(tmp_path, loss=loss)
    ratings = np.where(SPLIT.train.items % 2, 5, 1).astype(np.float32)
    split = replace(SPLIT, train=replace(SPLIT.train, ratings=ratings))
    fit(FitJob(
        Dot(split), split, FitConfig(max_epochs=1, select_epoch="last"), DeviceConfig(progress="none"), loss=loss,
        sampler=Drawn(60), seed=0, directory=tmp_path, validate=None,
    ))  # fmt: skip
    assert sum(loss.sizes) == len(SPLIT.train)


@pytest.mark.slow
def test_two_processes_share_the_work(tmp_path: Path) -> None:
    """ddp_fork over gloo: the gradients' mean over two shards is the whole batch's gradient."""
    device = DeviceConfig(devices=2, accelerator="cpu", progress="none")
    validate, _ = planned([0.1, 0.3, 0.2, 0.3])
    model, report = train(tmp_path, Dot(SPLIT, dropout=0), validate, device=device, batch_size=32)
    _alone, single = train(tmp_path / "alone", Dot(SPLIT, dropout=0), planned([0.1, 0.3, 0.2, 0.3])[0], batch_size=64)
    assert (report.epochs_run, report.selected_epoch) == (4, 2)
    losses = [[row["train_loss"] for row in each.curve] for each in (report, single)]
    assert losses[0] == pytest.approx(losses[1], rel=0.1)
    assert not same(model, copy_weights(Dot(SPLIT, dropout=0)))


def test_a_loss_is_one_number(tmp_path: Path) -> None:
    class Rows(Logistic):
        def __call__(self, scores: Tensor, batch: Batch) -> Tensor:
            return super().__call__(scores, batch).expand(3)

    with pytest.raises(RunError, match=r"Rows gives a loss of the shape \(3,\); \(\) is wanted"):
        train(tmp_path, loss=Rows())
