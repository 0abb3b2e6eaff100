"""Tensors of a training step stay on the run's device; ``meta`` stands for one beside the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from rexp.api import Capability
from rexp.plugins import registry
from rexp.train.config import DeviceConfig, FitConfig
from rexp.train.job import FitJob
from rexp.train.lightning_module import RecommenderTask
from tests.models.helpers import two_tastes

META = torch.device("meta")
SPLIT = two_tastes()


class Elsewhere(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Names the operations that read or make a tensor of another device than ``meta``; numbers are let through."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, made)) if isinstance(leaf, Tensor)]
        if any(tensor.dim() and tensor.device != META for tensor in tensors):
            self.operations.append(str(func))
        return made


def elsewhere(task: RecommenderTask) -> list[str]:
    """Operations of the first steps of an epoch, backward passes among them, that are done on another device."""
    chunk = list(next(iter(task.job.batches(0, 1))))  # some are made when they are asked for, on the CPU
    with Elsewhere() as watched:
        for batch in task.transfer_batch_to_device(chunk, META, 0):
            loss, _ = task.step_loss(batch)
            loss.backward()
    return [name for name in watched.operations if "_to_copy" not in name]  # the batch itself is moved


def task_of(name: str, options: dict[str, Any], loss: str, loss_options: dict[str, Any], folder: Path) -> Any:
    def made(kind: str, name: str, options: dict[str, Any], *arguments: Any) -> Any:
        plugin: Any = registry.load(kind, name)
        return plugin(plugin.Config(**options), *arguments)

    model = made("model", name, options, SPLIT.spec)
    if Capability.NEEDS_TRAIN_DATA in model.capabilities():
        model.bind(SPLIT)
    own = Capability.OWN_LOSS in model.capabilities()
    chosen = None if own else made("loss", loss, loss_options)
    sampler = None if own else made("sampler", "uniform", {"n": 2}, SPLIT)
    recipe = FitConfig(max_epochs=1, batch_size=64)
    job = FitJob(model, SPLIT, recipe, DeviceConfig(progress="none"), chosen, sampler, 0, folder)
    task: Any = RecommenderTask(job, None, lambda _: None)
    return task.to(META).train()


@pytest.mark.parametrize(
    ("loss", "options"),
    [("bpr", {}), ("bce", {}), ("bce", {"layout": "listwise"}), ("mse", {}), ("sampled_softmax", {})],
)
@pytest.mark.parametrize(
    ("name", "model_options"),
    [("mf", {"factors": 3, "l2": 0.1}), ("ncf", {"factors": 2, "dropout": 0.2}), ("fm", {"factors": 3})],
)
def test_every_loss(
    name: str, model_options: dict[str, Any], loss: str, options: dict[str, Any], tmp_path: Path
) -> None:
    assert elsewhere(task_of(name, model_options, loss, options, tmp_path)) == []


# Not two_tower: meta cannot tell which of its ids are equal.
@pytest.mark.parametrize("name", ["deepfm", "dcn", "nfm", "afm", "autoint", "wide_deep", "mlp", "multvae", "cdae"])
def test_every_kind_of_model(name: str, tmp_path: Path) -> None:
    assert elsewhere(task_of(name, {}, "bce", {}, tmp_path)) == []


def test_a_tensor_that_is_made_elsewhere_is_found(tmp_path: Path) -> None:
    task = task_of("mf", {"factors": 3}, "bce", {}, tmp_path)
    step = task.step_loss

    def on_the_cpu(batch: Any) -> Any:
        torch.zeros(3)
        return step(batch)

    task.step_loss = on_the_cpu
    assert set(elsewhere(task)) == {"aten.zeros.default"}
