"""Fit a model by a recipe: the one door to training."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import Trainer

from rexp.errors import ConfigError, RunError
from rexp.train.checkpoint import load_checkpoint
from rexp.train.curve import seconds_of
from rexp.train.devices import trainer_options
from rexp.train.epoch_callback import EpochCallback
from rexp.train.lightning_logging import silence_lightning
from rexp.train.lightning_module import RecommenderTask
from rexp.train.model_selection import Selection, best_epochs
from rexp.train.optimizer import use_sparse_gradients
from rexp.train.progress import display
from rexp.train.signals import SigtermHandler

if TYPE_CHECKING:
    from rexp.io.json_types import Json
    from rexp.train.checkpoint import FitState
    from rexp.train.config import FitConfig
    from rexp.train.curve import EpochRow
    from rexp.train.job import FitJob


@dataclass(frozen=True)
class FitReport:
    """Report of a fit.

    Args:
        epochs_run: over all processes that worked on it.
        selected: whose weights the model has now, in words: "best epoch 7 by ndcg@10".
        selected_epoch: the same as a number.
        curve: one row an epoch: epoch, train_loss, seconds (of training), validate_seconds,
            samples_per_second, metrics.
        stopped_early: patience came to an end.
        best_epoch: the best epoch and value of each metric over the curve, whatever was selected.
        seconds: of training and validation, over all processes.
        before: metrics before the first epoch, where that state could be selected, as epoch 0; else empty.
    """

    epochs_run: int
    selected: str
    selected_epoch: int
    curve: list[EpochRow]
    stopped_early: bool
    best_epoch: dict[str, dict[str, float]]
    seconds: float
    before: dict[str, float] = field(default_factory=dict)

    def summary(self) -> Json:
        """Plain values for the stored result."""
        return asdict(self)


def fit(job: FitJob) -> FitReport:
    """Train the job's model in place, from the last checkpoint under its directory where there is one.

    Returns:
        the report; the model holds the selected weights.

    Raises:
        ConfigError: a recipe that contradicts itself, an unknown monitor, a device that is not there, nothing to train.
        RunError: a loss that is not finite, or that no trained parameter has a part in.
        Interrupted: SIGTERM came; the last whole epoch is on the disk.
    """
    job = job.checked()
    model, recipe, attachments, directory = job.model, job.recipe, job.attachments, job.directory
    options = trainer_options(job.device, recipe)
    batches = job.batches(0, 1)  # what is wrong with the layout is said before anything starts
    use_sparse_gradients(model, recipe, -(-batches.samples // batches.n_steps))
    if not any(parameter.requires_grad for part in (model, attachments) for parameter in part.parameters()):
        raise ConfigError(
            f"{type(model).__name__} has no parameter to train: all are frozen, or a stage made constants of them; "
            "leave this training out, or let it come before what freezes them"
        )
    belongs_to = job.fingerprint()
    resume = load_checkpoint(directory, belongs_to)
    if resume is None or not _finished(resume, recipe):
        with silence_lightning(), SigtermHandler() as termination:
            shown = display(job.device.progress, recipe.max_epochs, recipe.monitor)
            selection = Selection(recipe)
            curve: list[EpochRow] = []
            if resume:
                model.load_state_dict(resume["model"])
                attachments.load_state_dict(resume["attachments"])
                selection.restore(resume["selection"])
                curve, termination.epoch = resume["curve"], resume["epoch"]
            epochs = EpochCallback(job, belongs_to, shown, termination, selection, curve)

            def between_chunks(steps: int) -> None:
                termination.check()
                shown.stepped(steps)

            module = RecommenderTask(job, resume, between_chunks)
            trainer = Trainer(
                max_epochs=recipe.max_epochs - (resume["epoch"] if resume else 0),
                callbacks=[epochs],
                default_root_dir=directory,
                plugins=[LightningEnvironment()],
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                use_distributed_sampler=False,
                num_sanity_val_steps=0,
                limit_val_batches=0,
                **options,
            )
            try:
                trainer.fit(module)
            except SystemExit as error:
                # Lightning turns Ctrl-C and SIGTERM into an exit of its own.
                termination.check()
                if isinstance(error.__context__, KeyboardInterrupt):
                    raise KeyboardInterrupt from error
                raise
            finally:
                shown.close()
        # Also where the epochs ran in other processes, this is where they left their state.
        resume = load_checkpoint(directory, belongs_to)
        if resume is None:
            raise RunError(
                f"the checkpoint under {directory} is gone or was damaged while training; run the same again"
            )
    model.load_state_dict(resume["model"])
    model.zero_grad(set_to_none=True)
    selection = Selection(recipe)
    selection.restore(resume["selection"])
    selected, selected_epoch = selection.choose(model, resume["epoch"])
    attachments.load_state_dict(resume["attachments"])
    attachments.finish()
    return FitReport(
        epochs_run=resume["epoch"],
        selected=selected,
        selected_epoch=selected_epoch,
        curve=resume["curve"],
        stopped_early=resume["stopped"],
        best_epoch=best_epochs(resume["curve"]),
        seconds=sum(seconds_of(row) for row in resume["curve"]),
        before=selection.before,
    )


def _finished(state: FitState, recipe: FitConfig) -> bool:
    return bool(state["stopped"]) or state["epoch"] >= recipe.max_epochs
