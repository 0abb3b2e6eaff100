"""Seconds of a training step: the first steps of the real fit, which keep nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rexp.train.devices import device_of_run
from rexp.train.job import FitJob
from rexp.train.lightning_module import RecommenderTask
from rexp.train.optimizer import use_sparse_gradients
from rexp.train.stage_hooks import Attachments

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from rexp.config.plan import Plan
    from rexp.train.batches import Batches
    from rexp.train.config import FitConfig
    from rexp.train.user_batches import UserBatches

WARM_UP = 2
"""Steps before the clock counts: the optimizer makes its state in the first."""
AUTOCAST = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


@dataclass(frozen=True)
class StepTime:
    """What the first steps of a fit took.

    Args:
        step: seconds of a step, with the batch that it takes.
        steps: of an epoch.
        epoch: seconds of an epoch.
        activation_bytes: what a step keeps for its backward pass.
    """

    step: float
    steps: int
    epoch: float
    activation_bytes: int


class StandaloneTask(RecommenderTask):
    """The training steps of a fit outside of Lightning's loop."""

    def manual_backward(self, loss: Tensor, *args: Any, **options: Any) -> None:
        loss.backward()  # type: ignore[no-untyped-call]


def training_job(
    plan: Plan, recipe: FitConfig, model: Any, folder: Path, attachments: Attachments | None = None
) -> FitJob:
    """A fit of the plan's recipe that selects and writes nothing.

    Args:
        plan: of a run that trains.
        recipe: of the fit, or of a fine-tune.
        model: the plan's, or a copy.
        folder: named by the job, and not written to.
        attachments: stages at work inside.
    """
    assert plan.fit is not None
    unwatched = replace(recipe, select_epoch="last", patience=0, lr_decay=1.0, validate_on="none")
    return FitJob(
        model,
        plan.split,
        unwatched,
        plan.request.device,
        loss=plan.fit.loss.make() if plan.fit.loss else None,
        sampler=plan.fit.sampler.make(plan.split) if plan.fit.sampler else None,
        seed=plan.request.seed,
        directory=folder,
        attachments=attachments or Attachments([], [], 0),
    ).checked()


def begun(job: FitJob, device: torch.device) -> tuple[StandaloneTask, torch.optim.Optimizer, Batches | UserBatches]:
    """A fit at the beginning of its first epoch: its steps, the optimizer, and the batches."""
    batches = job.batches(0, 1)
    batches.epoch = 1
    use_sparse_gradients(job.model, job.recipe, -(-batches.samples // batches.n_steps))
    task = StandaloneTask(job, None, lambda _: None).to(device).train()
    optimizer = task.configure_optimizers()
    task.attachments.on_epoch(1)
    return task, optimizer, batches


def time_steps(job: FitJob, seconds: float) -> StepTime:
    """Train the job's model for a few steps, in place, on the device that the fit would take.

    Args:
        job: see :func:`training_job`.
        seconds: end after about as long, but not within a step.
    """
    device = device_of_run(job.device)
    task, optimizer, batches = begun(job, device)
    chunks = iter(batches)
    chunk, opening = _timed(lambda: next(chunks), device)
    following, fetching = _timed(lambda: next(chunks, None), device)
    made_before = fetching if following is not None else opening
    taken: list[float] = []
    end = time.perf_counter() + seconds
    kept = 0
    while chunk is not None and (not taken or time.perf_counter() < end):
        share = made_before / len(chunk) if isinstance(chunk, Sized) else 0.0
        before = time.perf_counter()
        for batch in task.transfer_batch_to_device(chunk, device, 0):
            with _autocast(job, device):
                if taken:
                    task.step(batch, optimizer)
                else:
                    with _saved_bytes(task) as saved:
                        task.step(batch, optimizer)
                    kept = saved.bytes
            _wait(device)
            now = time.perf_counter()
            taken.append(now - before + share)
            before = now
            if now > end:
                break
        chunk, following = following, next(chunks, None)
    step = fmean(taken[WARM_UP:] or taken[-1:])
    once = max(0.0, opening - made_before)
    return StepTime(step, batches.n_steps, once + batches.n_steps * step, kept)


def _timed(action: Any, device: torch.device) -> tuple[Any, float]:
    started = time.perf_counter()
    made = action()
    _wait(device)
    return made, time.perf_counter() - started


def _wait(device: torch.device) -> None:
    """Work on a GPU is handed over, and done later."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _autocast(job: FitJob, device: torch.device) -> torch.autocast:
    dtype = AUTOCAST.get(job.device.precision)
    return torch.autocast(device.type, dtype or torch.bfloat16, enabled=dtype is not None)


@dataclass
class _Saved:
    bytes: int = 0


@contextmanager
def _saved_bytes(model: nn.Module) -> Iterator[_Saved]:
    """Bytes of the storages that autograd keeps for the backward pass, parameters and buffers left out."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    seen: set[int] = set()
    saved = _Saved()

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own | seen:
            seen.add(storage.data_ptr())
            saved.bytes += storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield saved
