"""Checks of models that are trained: one epoch of a real fit."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rexp.api import Batch, Capability
from rexp.plugins.choice import Choice
from rexp.testing.check import Check, NotApplicable, Subject, require
from rexp.testing.made_model import built, query, some_items
from rexp.train.config import DeviceConfig, FitConfig
from rexp.train.fit import fit
from rexp.train.job import FitJob

RECIPE = FitConfig(max_epochs=1, batch_size=64, lr=0.01, optimizer="sgd", select_epoch="last")
Weights = dict[str, Tensor]


def fitted(subject: Subject, place: str) -> tuple[Weights, Weights, float]:
    """Parameters before and after an epoch, and the loss: the model's own, or cross-entropy of lists."""
    model: Any = built(subject)
    if Capability.CLOSED_FORM in model.capabilities():
        raise NotApplicable("the model is fitted in closed form")
    own = Capability.OWN_LOSS in model.capabilities()
    loss = None if own else Choice.typed("loss", "bce", {"layout": "listwise"}, "loss").make()
    sampler = Choice.typed("sampler", "uniform", {"reject": False}, "sampler").make(subject.split)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    device = DeviceConfig(accelerator="cpu", progress="none")
    job = FitJob(model, subject.split, RECIPE, device, loss, sampler, subject.seed, subject.folder / place)
    report = fit(job)
    after = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    return before, after, float(report.curve[0]["train_loss"])


def trained(subject: Subject) -> None:
    _, after, loss = fitted(subject, "one")
    require(loss == loss and abs(loss) < float("inf"), f"the loss of the first epoch is {loss}")
    bad = [name for name, weight in after.items() if not weight.isfinite().all()]
    require(not bad, f"an epoch leaves {', '.join(bad)} not finite")


def every_parameter_learns(subject: Subject) -> None:
    before, after, _ = fitted(subject, "one")
    still = [name for name, weight in after.items() if weight.numel() and torch.equal(weight, before[name])]
    require(not still, f"an epoch leaves {', '.join(still)} as it was: no gradient reaches it")


def training_repeatable(subject: Subject) -> None:
    _, first, _ = fitted(subject, "one")
    _, second, _ = fitted(subject, "two")
    differ = [name for name, weight in first.items() if not torch.equal(weight, second[name])]
    require(not differ, f"a second fit by the same seed gives other {', '.join(differ)}")


def penalty(subject: Subject) -> None:
    model = built(subject)
    if Capability.REGULARIZED not in model.capabilities():
        raise NotApplicable("the model does not state REGULARIZED")
    cost = model.penalty(Batch(query(model, subject.split), some_items(subject.split, 0)))
    cost = cost.detach()
    require(cost.shape == (), f"the penalty has the shape {tuple(cost.shape)}, and is no scalar")
    require(bool(cost.isfinite()) and float(cost) >= 0, f"the penalty is {float(cost)}")


TRAINED = ("model.trained",)
CHECKS = (
    Check(
        "model.trained",
        "A model without a closed form must get through an epoch.",
        trained,
        ("model.inputs-kept", "model.empty-history"),
    ),
    Check(
        "model.every-parameter-learns",
        "A layer that no gradient reaches costs memory for nothing.",
        every_parameter_learns,
        TRAINED,
    ),
    Check(
        "model.training-repeatable",
        "A run that is done again must give the same numbers.",
        training_repeatable,
        (*TRAINED, "model.seeded"),
    ),
    Check("model.penalty", "The penalty is added to the loss of a batch.", penalty, ("model.made",)),
)
