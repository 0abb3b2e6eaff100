"""Auto-encoders: their losses against values worked out by hand, what they learn, and the contract of a model."""

from __future__ import annotations

import itertools
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from rexp.api import Batch, Capability, Layout, Query
from rexp.errors import Interrupted
from rexp.models.cdae import CDAE, CDAEConfig
from rexp.models.multvae import MultVAE, MultVAEConfig
from rexp.nn.read_columns import columns_read
from rexp.train.config import DeviceConfig, FitConfig
from rexp.train.fit import fit
from rexp.train.job import FitJob

from .closed_form import lonely, ones
from .helpers import check_capabilities, shaken, two_tastes

if TYPE_CHECKING:
    from rexp.data.split import Split

NOTHING = torch.empty(0)
MODELS: list[tuple[Any, dict[str, Any]]] = [
    (MultVAE, {"hidden": (16,), "latent": 8, "annealing_steps": 100}),
    (CDAE, {"factors": 8}),
]
each = pytest.mark.parametrize(("model_class", "options"), MODELS, ids=lambda value: getattr(value, "__name__", ""))


def built(model_class: Any, split: Split, **options: Any) -> Any:
    torch.manual_seed(0)
    model = model_class(model_class.Config(**options), split.spec)
    model.bind(split)
    return model


def batch(users: list[int]) -> Batch:
    return Batch(Query(torch.tensor(users)), NOTHING)


@each
@torch.no_grad()
def test_it_keeps_the_contract(model_class: Any, options: dict[str, Any], tmp_path: Path) -> None:
    split = lonely()
    model = shaken(built(model_class, split, **options), dtype=torch.float32)
    assert check_capabilities(model, split.spec).isfinite().all()
    assert {Capability.OWN_LOSS, Capability.NEEDS_TRAIN_DATA} <= model.capabilities()
    assert model.layout is Layout.USER
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    again = built(model_class, split, **options).eval()
    again.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    everyone = Query(torch.arange(5))
    assert torch.equal(again.score_all(everyone), model.score_all(everyone))


@each
def test_it_learns_the_tastes(model_class: Any, options: dict[str, Any]) -> None:
    split = two_tastes()
    model = built(model_class, split, **options)
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    model.train()
    for _ in range(150):
        loss = model.training_loss(batch(list(range(split.n_users))))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    everyone = torch.arange(split.n_users)
    with torch.no_grad():
        unseen = model.score_all(Query(everyone)).masked_fill(torch.from_numpy(ones(split)) > 0, -torch.inf)
    best = unseen.argmax(1)
    assert ((best < split.n_items // 2) == (everyone % 2 == 0)).double().mean() > 0.95


@each
def test_training_starts_again_where_it_was_stopped(model_class: Any, options: dict[str, Any], tmp_path: Path) -> None:
    """Dropout, draws and the annealing go on as if nothing had happened."""
    split = two_tastes()
    recipe = FitConfig(max_epochs=4, batch_size=16, lr=0.01, select_epoch="last", validate_on="none")

    def train(folder: Path, stopped: int | None = None) -> Any:
        model = built(model_class, split, **options)
        losses, loss = itertools.count(1), model.training_loss

        def counted(given: Batch) -> Any:
            if next(losses) == stopped:
                os.kill(os.getpid(), signal.SIGTERM)
            return loss(given)

        model.training_loss = counted
        fit(FitJob(
            model, split, recipe, DeviceConfig(progress="none", accelerator="cpu"), loss=None, sampler=None, seed=3,
            directory=folder, validate=None,
        ))  # fmt: skip
        return model

    whole = train(tmp_path / "whole")
    with pytest.raises(Interrupted):
        train(tmp_path / "stopped", stopped=8)  # of 3 batches an epoch: in the third
    again = train(tmp_path / "stopped")
    for name, tensor in whole.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    assert "steps" not in whole.state_dict() or int(whole.steps) == 12


@each
def test_columns_that_nobody_took_are_not_read(model_class: Any, options: dict[str, Any]) -> None:
    """A user with few of the items has the scores that the whole layer gives, and its gradients."""
    split = two_tastes()
    model = built(model_class, split, **options).eval()
    layer = model.hidden if model_class is CDAE else model.encoder[0]
    alone, everyone = torch.tensor([3]), torch.arange(split.n_users)
    assert columns_read(model.profiles(alone)) is not None
    assert columns_read(model.profiles(everyone)) is None
    found = model.score_all(Query(alone))
    gradient = torch.autograd.grad(found.square().sum(), layer.weight)[0]
    watched = layer.register_forward_hook(lambda *_: None)  # which a layer that is not called would not run
    expected = model.score_all(Query(alone))
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected.square().sum(), layer.weight)[0])
    watched.remove()


@each
def test_profiles_beside_the_cpu_are_those_on_it(model_class: Any, options: dict[str, Any]) -> None:
    """A user without items among them."""
    split = lonely()
    matrix = built(model_class, split, **options).interactions
    users = torch.tensor([4, 0, 3, 3, 1])
    expected = torch.from_numpy(ones(split)).float()[users]
    assert (expected.sum(1) == 0).any()
    assert torch.equal(matrix.padded_rows(users), expected)
    assert torch.equal(matrix.dense_rows(users), expected)


def softmax(logits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    exponents = np.exp(logits - logits.max(1, keepdims=True))
    return exponents / exponents.sum(1, keepdims=True)


def test_the_weight_of_multvae_grows_to_beta() -> None:
    model = built(MultVAE, lonely(), hidden=(3,), latent=2, beta=0.7, annealing_steps=3)
    weights = []
    for steps in range(5):
        model.steps.fill_(steps)
        weights.append(float(model._weight()))
    assert weights == [0.0, 1 / 3 * 0.7, 2 / 3 * 0.7, 0.7, 0.7]
    assert built(MultVAE, lonely(), hidden=(3,), latent=2, beta=0.7, annealing_steps=0)._weight() == 0.7


def test_the_elbo_of_multvae_is_its_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    split = lonely()
    model = shaken(
        built(MultVAE, split, hidden=(3,), latent=2, dropout=0.0, beta=0.7, annealing_steps=4), dtype=torch.float32
    ).train()
    noise = torch.tensor([[0.5, -1.0], [0.25, 2.0]])
    monkeypatch.setattr(torch, "randn_like", lambda like: noise)
    model.steps.fill_(2)  # halfway: the weight is .35
    found = model.training_loss(batch([1, 3])).item()

    x = ones(split)[[1, 3]]
    weights = {name: tensor.detach().double().numpy() for name, tensor in model.named_parameters()}
    hidden = x / np.linalg.norm(x, axis=1, keepdims=True)
    hidden = np.tanh(hidden @ weights["encoder.0.weight"].T + weights["encoder.0.bias"])
    code = hidden @ weights["code.weight"].T + weights["code.bias"]
    mean, log_variance = code[:, :2], code[:, 2:]
    z = mean + noise.numpy() * np.exp(log_variance / 2)
    z = np.tanh(z @ weights["decoder.0.weight"].T + weights["decoder.0.bias"])
    likelihood = (np.log(softmax(z @ weights["output.weight"].T + weights["output.bias"])) * x).sum(1)
    divergence = 0.5 * (np.exp(log_variance) + mean**2 - 1 - log_variance).sum(1)
    assert found == pytest.approx((0.35 * divergence - likelihood).mean(), rel=1e-5)
    assert int(model.steps) == 3


@torch.no_grad()
def test_multvae_ranks_by_the_mean() -> None:
    model = shaken(built(MultVAE, lonely(), hidden=(3,), latent=2), dtype=torch.float32)
    everyone = Query(torch.arange(5))
    assert torch.equal(model.score_all(everyone), model.score_all(everyone))
    mean, _ = model.encode(torch.from_numpy(ones(lonely())).float())
    torch.testing.assert_close(model.score_all(everyone), model.output(model.decode(mean)))


@torch.no_grad()
def test_multvae_drops_of_profiles_at_length_one() -> None:
    model = shaken(built(MultVAE, lonely(), hidden=(3,), latent=2, dropout=0.6), dtype=torch.float32).train()
    profiles = torch.from_numpy(ones(lonely())).float()
    torch.manual_seed(1)
    mean, _ = model.encode(profiles)
    torch.manual_seed(1)
    lengths = profiles.sum(1, keepdim=True).clamp(min=1).sqrt()
    kept = torch.nn.functional.dropout(profiles / lengths, 0.6)
    torch.testing.assert_close(mean, model.code(torch.tanh(model.encoder[0](kept)))[:, :2])


def test_multvae_anneals_up_to_beta_and_no_further() -> None:
    def divergence(steps: int, annealing_steps: int) -> float:
        options = {"hidden": (3,), "latent": 2, "dropout": 0.0, "annealing_steps": annealing_steps}
        losses = []
        for beta in (1.0, 0.0):
            model = shaken(built(MultVAE, lonely(), beta=beta, **options), dtype=torch.float32).train()
            model.steps.fill_(steps)
            torch.manual_seed(0)
            losses.append(model.training_loss(batch([1, 3])).item())
        return losses[0] - losses[1]

    whole = divergence(0, annealing_steps=0)
    assert whole > 0
    found = [divergence(steps, annealing_steps=4) for steps in (0, 1, 4, 9)]
    assert found == pytest.approx([0, whole / 4, whole, whole], rel=1e-4, abs=1e-6)


@torch.no_grad()
def test_cdae_drops_items_and_scales_up_the_others() -> None:
    model = shaken(built(CDAE, lonely(), factors=3, corruption=0.6), dtype=torch.float32).train()
    users, profiles = torch.arange(5), torch.from_numpy(ones(lonely())).float()
    torch.manual_seed(1)
    found = model.encode(users, profiles)
    torch.manual_seed(1)
    kept = torch.nn.functional.dropout(torch.ones_like(profiles), 0.6)
    assert set(kept.unique().tolist()) == {0.0, 2.5}
    torch.testing.assert_close(found, torch.sigmoid(model.hidden(profiles * kept) + model.users.rows()))


def test_the_loss_of_cdae_is_its_formula() -> None:
    split = lonely()
    model = shaken(built(CDAE, split, factors=3, corruption=0.0, negatives=None, l2=0.2), dtype=torch.float32).train()
    found = model.training_loss(batch([1, 3])).item()
    x = ones(split)[[1, 3]]
    weights = {name: tensor.detach().double().numpy() for name, tensor in model.named_parameters()}
    user = weights["users.weight"][[1, 3]]
    hidden = 1 / (1 + np.exp(-(x @ weights["hidden.weight"].T + weights["hidden.bias"] + user)))
    logits = hidden @ weights["output.weight"].T + weights["output.bias"]
    losses = np.logaddexp(0, logits) - x * logits
    penalty = (weights["hidden.weight"] ** 2).sum() + (weights["output.weight"] ** 2).sum() + (user**2).sum() / 2
    assert found == pytest.approx(losses.sum(1).mean() + 0.1 * penalty, rel=1e-5)


def test_cdae_counts_so_many_negatives() -> None:
    split = two_tastes(n_users=200, n_items=301, taken=10)
    model = built(CDAE, split, negatives=5)
    profiles = torch.from_numpy(ones(split)).float()
    counted = model._counted(profiles)
    assert (counted[profiles > 0] == 1).all()
    drawn = counted.sum().item() - profiles.sum().item()
    assert drawn == pytest.approx(5 * 2000, rel=0.05)


@pytest.mark.parametrize(
    ("config", "options"),
    [
        (MultVAEConfig, {"latent": 0}),
        (MultVAEConfig, {"hidden": ()}),
        (MultVAEConfig, {"dropout": 1.0}),
        (MultVAEConfig, {"beta": -1.0}),
        (CDAEConfig, {"factors": 0}),
        (CDAEConfig, {"corruption": 1.0}),
        (CDAEConfig, {"negatives": 0}),
        (CDAEConfig, {"l2": -0.1}),
    ],
)
def test_impossible_options_are_refused(config: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        config(**options)
