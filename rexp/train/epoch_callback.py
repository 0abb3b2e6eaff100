"""End-of-epoch callback: validation, model selection, progress, checkpoint and early stopping."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lightning.pytorch import Callback, Trainer

from rexp.train.checkpoint import save_checkpoint
from rexp.train.curve import seconds_of
from rexp.train.lightning_module import RecommenderTask
from rexp.train.progress import Left

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule

    from rexp.train.checkpoint import FitState
    from rexp.train.curve import EpochRow
    from rexp.train.job import FitJob
    from rexp.train.model_selection import Selection
    from rexp.train.progress import Display
    from rexp.train.signals import SigtermHandler


class EpochCallback(Callback):
    """Keeps the state of the fit and writes it at every epoch's end.

    Args:
        job: the fit.
        belongs_to: marks the checkpoint as this fit's.
        display: what a person sees.
        termination: SIGTERM waits while something is written.
        selection, curve: as an earlier process left them, or fresh.
    """

    def __init__(
        self,
        job: FitJob,
        belongs_to: str,
        display: Display,
        termination: SigtermHandler,
        selection: Selection,
        curve: list[EpochRow],
    ) -> None:
        self.job, self.belongs_to, self.display, self.termination = job, belongs_to, display, termination
        self.selection, self.curve = selection, curve

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Measure what no training leaves: the state before the first epoch may be the best."""
        module = _task(module)
        if not self.job.fitted or self.job.recipe.select_epoch != "best" or module.epochs_before:
            return
        with module.attachments.settled_at_once(module.model) as settled:
            if settled:
                metrics = trainer.strategy.broadcast(self._measure(0, module) if trainer.is_global_zero else {})
                self.selection.observe(0, metrics, module.model)

    def on_train_epoch_start(self, trainer: Trainer, module: LightningModule) -> None:
        module = _task(module)
        self.started = time.perf_counter()
        if trainer.is_global_zero:
            self.display.epoch_started(module.epoch, module.batches.n_steps)

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        module = _task(module)
        seconds = time.perf_counter() - self.started
        epoch, loss = module.epoch, module.mean_loss()
        metrics = trainer.strategy.broadcast(self._measure(epoch, module) if trainer.is_global_zero else {})
        validated = time.perf_counter() - self.started - seconds
        row: EpochRow = {
            "epoch": epoch,
            "train_loss": loss,
            "seconds": seconds,
            "validate_seconds": validated,
            "samples_per_second": module.batches.samples / seconds,
            "metrics": metrics,
        }
        self.curve.append(row)
        watched = metrics if module.attachments.settled else {}
        best = self.selection.observe(epoch, watched, module.model)
        if watched and not best:
            _slow_down(trainer, self.job.recipe.lr_decay)
        stop = self.selection.exhausted
        if trainer.is_global_zero:
            with self.termination.held():
                self._tell(row, best=best)
                save_checkpoint(self.job.directory, self._state(trainer, module, stopped=stop))
                self.termination.epoch = epoch
        trainer.should_stop = trainer.should_stop or stop

    def _measure(self, epoch: int, module: RecommenderTask) -> dict[str, float]:
        if self.job.validate is None or (
            epoch % self.job.recipe.validate_every and epoch != self.job.recipe.max_epochs
        ):
            return {}
        return {name: float(value) for name, value in self.job.validate(module.model).items()}

    def _tell(self, row: EpochRow, *, best: bool) -> None:
        values = {"train_loss": row["train_loss"], "samples_per_second": row["samples_per_second"], **row["metrics"]}
        for tell in self.job.on_epoch:
            tell(row["epoch"], values)
        pace = sum(seconds_of(past) for past in self.curve) / len(self.curve)
        most = self.job.recipe.max_epochs - row["epoch"]
        left = min(most, self.selection.epochs_left(row["epoch"]))
        self.display.epoch_ended(row, best=best, left=Left(pace * left, more=0 < left < most))

    def _state(self, trainer: Trainer, module: RecommenderTask, *, stopped: bool) -> FitState:
        (optimizer,) = trainer.optimizers
        return {
            "belongs_to": self.belongs_to,
            "epoch": module.epoch,
            "stopped": stopped,
            "model": module.model.state_dict(),
            "attachments": module.attachments.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scaler": trainer.precision_plugin.state_dict(),
            "selection": self.selection.state(),
            "curve": self.curve,
        }


def _task(module: LightningModule) -> RecommenderTask:
    """The one kind of module that is trained here."""
    assert isinstance(module, RecommenderTask)
    return module


def _slow_down(trainer: Trainer, factor: float) -> None:
    """Multiply the learning rate; the optimizer's state, and so a checkpoint, has it."""
    for optimizer in trainer.optimizers:
        for group in optimizer.param_groups:
            group["lr"] *= factor
