"""The same work on the CPU and on another device: equal metrics, rates, memory, and steps that stay there."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch

from _bench.device_watch import Watch, synchronizations
from _bench.ours import UNVALIDATED, plugin, whole_epochs
from _bench.ranking import METRICS
from rexp.api import StageContext
from rexp.compress.distill.stored_teacher import StoredTeacher
from rexp.estimate.fit_probe import begun
from rexp.evaluate.config import EvaluateConfig
from rexp.evaluate.evaluator import Evaluator
from rexp.train.config import DeviceConfig, FitConfig
from rexp.train.job import FitJob
from rexp.train.stage_hooks import Attachments

if TYPE_CHECKING:
    from rexp.data.split import Split

TOLERANCE = 1e-4
"""Largest difference of a metric between two devices: of the same weights, and after the same short fit."""
STEPS = 64
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Trained:
    """A model as it is trained here.

    Args:
        model, options: the plugin and its options.
        loss: a plugin.
        negatives: of each positive.
    """

    model: str
    options: Mapping[str, Any]
    loss: str
    negatives: int

    def build(self, split: Split) -> Any:
        torch.manual_seed(0)
        return plugin("model", self.model, split.spec, **self.options)

    def parts(self, split: Split) -> tuple[Any, Any]:
        return plugin("loss", self.loss), plugin("sampler", "uniform", split, n=self.negatives)


MODELS = {
    "MF-64": Trained("mf", {"factors": 64}, "bpr", 1),
    "NeuMF-8": Trained("ncf", {"factors": 8, "dropout": 0.0}, "bce", 4),
}


class Report:
    """Prints findings, and remembers whether all of them held."""

    def __init__(self) -> None:
        self.holds = True

    def say(self, text: str, *, held: bool | None = None) -> None:
        """One finding; ``held`` is None where nothing is expected of it."""
        self.holds = self.holds and held is not False
        print(f"  {'' if held is None else 'ok    ' if held else 'FAILS '}{text}", flush=True)


def check(split: Split, device: torch.device, *, epochs: int, batch_size: int) -> bool:
    """Do all checks, print what they found, and say whether everything held.

    Args:
        split: the data.
        device: the one beside the CPU; the CPU itself rehearses.
        epochs, batch_size: of a fit.
    """
    report, recipe = Report(), FitConfig(max_epochs=epochs, batch_size=batch_size, lr=0.003, **UNVALIDATED)
    for name, trained in MODELS.items():
        print(f"\n{name}, batch {batch_size}, {epochs} epochs of {len(split.train):,} interactions", flush=True)
        agreement(report, trained, recipe, split, device)
        print("  steps", flush=True)
        watched_steps(report, trained, recipe, split, device)
    print("\nMF-64 distilled from MF-128 by kd", flush=True)
    with TemporaryDirectory() as folder:
        distilled_steps(report, recipe, split, device, Path(folder))
    return report.holds


def agreement(report: Report, trained: Trained, recipe: FitConfig, split: Split, device: torch.device) -> None:
    """Fit and rank on both sides: metrics, epochs and users a second, and the device's memory."""
    evaluators = {
        side: Evaluator(split, EvaluateConfig(protocol="full", metrics=list(METRICS)), "test", side)
        for side in dict.fromkeys((CPU, device))
    }
    models, found = {}, {}
    for side, evaluator in evaluators.items():
        if side.type == "cuda":
            torch.cuda.reset_peak_memory_stats(side)
        models[side] = model = trained.build(split)
        seconds = whole_epochs(split, model, *trained.parts(split), recipe, accelerator=_of(side))
        model.to(side)
        evaluator(model)
        found[side] = measured = evaluator(model)
        users = len(measured.per_user["user"]) / measured.seconds
        ndcg = measured.metrics["ndcg@10"]
        report.say(f"{side.type:5} epoch {seconds[-1]:.3f} s, ranking {users:,.0f} users/s, ndcg@10 {ndcg:.6f}")
        if side.type == "cuda":
            report.say(f"{side.type:5} peak memory {torch.cuda.max_memory_allocated(side) / 1e6:,.0f} MB")
    moved = evaluators[device](deepcopy(models[CPU]).to(device)).metrics
    for what, other in (("weights of the CPU", moved), ("a fit of its own", found[device].metrics)):
        apart = max(abs(found[CPU].metrics[name] - value) for name, value in other.items())
        report.say(f"{what}, measured on {device.type}: metrics differ by {apart:.1e}", held=apart <= TOLERANCE)


def watched_steps(
    report: Report,
    trained: Trained,
    recipe: FitConfig,
    split: Split,
    device: torch.device,
    model: Any = None,
    attachments: Attachments | None = None,
) -> None:
    """The first steps of a fit: what they do elsewhere, and how often they wait."""
    loss, sampler = trained.parts(split)
    options = DeviceConfig(progress="none", accelerator=_of(device))
    job = FitJob(
        trained.build(split) if model is None else model, split, recipe, options, loss=loss,
        sampler=sampler, seed=0, directory=Path(), attachments=attachments or Attachments([], [], 0),
    ).checked()  # fmt: skip
    task, optimizer, batches = begun(job, device)
    watch, done, waited = Watch(device), 0, 0
    for chunk in batches:
        for batch in task.transfer_batch_to_device(chunk, device, 0):
            if not done:  # makes the optimizer's state, and moves the lists
                task.step(batch, optimizer)
            elif done <= STEPS:
                with synchronizations(device) as found, watch:
                    task.step(batch, optimizer)
                waited += found.count
            done += 1
        if done > STEPS:
            break
    counted = min(done - 1, STEPS)
    elsewhere = ", ".join(sorted(set(watch.elsewhere))) or "none"
    report.say(f"operations on tensors of another device: {elsewhere}", held=not watch.elsewhere)
    report.say(f"values read: {watch.reads / counted:.2f} a step, of {counted}")
    if device.type == "cuda":
        report.say(f"synchronizations a step: {waited / counted:.2f}", held=waited < counted)


def distilled_steps(report: Report, recipe: FitConfig, split: Split, device: torch.device, folder: Path) -> None:
    """Steps of a student: its teacher's lists and scores are on the device, and stay there."""
    torch.manual_seed(1)
    teacher = StoredTeacher(plugin("model", "mf", split.spec, factors=128), split, folder)
    trained, generator = MODELS["MF-64"], torch.Generator().manual_seed(0)
    model = trained.build(split)
    hook = plugin("stage", "kd").attach(model, StageContext(split, generator, teacher, 1))
    watched_steps(report, trained, recipe, split, device, model, Attachments([hook], [generator], 0))


def _of(device: torch.device) -> Any:
    return "gpu" if device.type == "cuda" else device.type
