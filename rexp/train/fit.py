"""Fit a model by a recipe: the one door to training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import Trainer

from rexp.api import Capability, Layout, Loss, Query, Sampler
from rexp.api.model import HISTORY_LENGTH, LAYOUT
from rexp.api.training import CONFIG, TARGET
from rexp.errors import ConfigError, RunError
from rexp.train.batches import Batches
from rexp.train.checkpoint import load_checkpoint
from rexp.train.config import DeviceConfig, FitConfig, check_recipe
from rexp.train.devices import trainer_options
from rexp.train.epoch_callback import EpochCallback, OnEpoch, Validate, seconds_of
from rexp.train.lightning_logging import silence_lightning
from rexp.train.lightning_module import RecommenderTask
from rexp.train.model_selection import Selection, best_epochs
from rexp.train.negatives import single_negative
from rexp.train.optimizer import use_sparse_gradients
from rexp.train.progress import display
from rexp.train.signals import SigtermHandler
from rexp.train.stage_hooks import Attachments, queries_of
from rexp.train.user_batches import UserBatches

if TYPE_CHECKING:
    from rexp.api import RecommenderModule
    from rexp.data.split import Split


@dataclass(frozen=True)
class FitReport:
    """How a fit went.

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
    curve: list[dict[str, Any]]
    stopped_early: bool
    best_epoch: dict[str, dict[str, float]]
    seconds: float
    before: dict[str, float] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """Plain values for the stored result."""
        return asdict(self)


def fit(
    model: RecommenderModule,
    split: Split,
    recipe: FitConfig,
    device: DeviceConfig,
    *,
    loss: Loss | None,
    sampler: Sampler | None,
    seed: int,
    directory: Path,
    validate: Validate | None,
    on_epoch: Sequence[OnEpoch] = (),
    attachments: Attachments | None = None,
    fitted: bool = False,
) -> FitReport:
    """Train ``model`` in place, from the last checkpoint under ``directory`` where there is one.

    Args:
        model: an ``nn.Module`` of the contract :class:`rexp.api.Model`, not a closed-form one.
        split: its training part is learned from.
        recipe: how long, with what, and which epoch is the result.
        device: where.
        loss: the objective; None where the model has its own.
        sampler: of negatives; None where the loss needs none.
        seed: of shuffling, negatives and dropout.
        directory: of the run; a checkpoint is written there after each epoch.
        validate: measures the model between epochs; None where nothing is watched.
        on_epoch: each is told every epoch's number and values.
        attachments: stages of compression that act inside the fit; they are finished at its end.
        fitted: the model was fitted before: with ``select_epoch=best`` its state before the first epoch, with what the
            attachments make of it at once, is chosen where no epoch is better.

    Returns:
        the report; the model holds the selected weights.

    Raises:
        ConfigError: a recipe that contradicts itself, an unknown monitor, a device that is not there, nothing to train.
        RunError: a loss that is not finite, or that no trained parameter has a part in.
        Interrupted: SIGTERM came; the last whole epoch is on the disk.
    """
    check_recipe(recipe)
    if validate is None and (recipe.select_epoch == "best" or recipe.patience):
        raise ConfigError("train.select_epoch=best and train.patience need a validation; take train.select_epoch=last")
    if loss is None and Capability.OWN_LOSS not in model.capabilities():
        raise ConfigError("this model has no loss of its own; choose one with loss=NAME")
    if TARGET.of(CONFIG.of(loss)) == "rating":
        if split.train.ratings is None:
            raise ConfigError(f"loss.target=rating needs ratings, and data={split.name} has none; take target=implicit")
        sampler = None
    options = trainer_options(device, recipe)
    make_batches = partial(_batches, model, split, recipe, loss, sampler, seed)
    batches = make_batches(0, 1)  # what is wrong with the layout is said before anything starts
    use_sparse_gradients(model, recipe, -(-batches.samples // batches.n_steps))
    attachments = attachments if attachments is not None else Attachments([], [], seed)
    if not any(parameter.requires_grad for part in (model, attachments) for parameter in part.parameters()):
        raise ConfigError(
            f"{type(model).__name__} has no parameter to train: all are frozen, or a stage made constants of them; "
            "leave this training out, or let it come before what freezes them"
        )
    belongs_to = _mark(model, split, recipe, loss, sampler, seed, attachments)
    resume = load_checkpoint(directory, belongs_to)
    if resume is None or not _finished(resume, recipe):
        with silence_lightning(), SigtermHandler() as termination:
            shown = display(device.progress, recipe.max_epochs, recipe.monitor)
            selection = Selection(recipe)
            curve: list[dict[str, Any]] = []
            if resume:
                model.load_state_dict(resume["model"])
                attachments.load_state_dict(resume["attachments"])
                selection.restore(resume["selection"])
                curve, termination.epoch = resume["curve"], resume["epoch"]
            epochs = EpochCallback(
                recipe, directory, belongs_to, validate, on_epoch, shown, termination, selection, curve, fitted
            )

            def between_chunks(steps: int) -> None:
                termination.check()
                shown.stepped(steps)

            queries = queries_of(model, split) if attachments else Query
            module = RecommenderTask(
                model, recipe, loss, make_batches, seed, resume, between_chunks, attachments, queries
            )
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


def _batches(
    model: RecommenderModule,
    split: Split,
    recipe: FitConfig,
    loss: Loss | None,
    sampler: Sampler | None,
    seed: int,
    rank: int,
    world: int,
) -> Batches | UserBatches:
    """The batches of one process, in the layout that loss and model agree on."""
    layout = _layout(model, loss)
    sequential = Capability.SEQUENTIAL in model.capabilities()
    length = HISTORY_LENGTH.of(model) if sequential else None
    common = (split.train, split.n_users, layout, recipe.batch_size)
    if layout in (Layout.SEQUENCE, Layout.USER):
        if recipe.epoch_size is not None:
            raise ConfigError("train.epoch_size counts interactions, and this model is trained on whole users")
        pairs = sampler is not None and loss is not None and loss.layout is Layout.PAIRWISE
        drawn = single_negative(sampler) if pairs and sampler is not None else sampler
        return UserBatches(*common, drawn, seed, rank, world, history_length=length)
    return Batches(*common, sampler, seed, rank, world, epoch_size=recipe.epoch_size, history_length=length)


def _layout(model: RecommenderModule, loss: Loss | None) -> Layout:
    """How the batches lie: as the loss wants them, or by whole sequences for a model that scores these."""
    layout = Layout(LAYOUT.of(model if loss is None else loss))
    if loss is None or Capability.SCORES_SEQUENCES not in model.capabilities():
        return layout
    if layout is Layout.POINTWISE:
        raise ConfigError(
            "this model is trained on whole sequences, at each position of which a positive stands against its "
            "negatives; take a loss over lists or pairs: loss=bce loss.layout=listwise, loss=sampled_softmax, loss=bpr"
        )
    return Layout.SEQUENCE


def _finished(state: Mapping[str, Any], recipe: FitConfig) -> bool:
    return bool(state["stopped"]) or state["epoch"] >= recipe.max_epochs


def _mark(
    model: RecommenderModule,
    split: Split,
    recipe: FitConfig,
    loss: Loss | None,
    sampler: Sampler | None,
    seed: int,
    attachments: Attachments,
) -> str:
    """What a checkpoint must have in common with the fit that goes on from it."""
    tensors = {**model.state_dict(), **attachments.state_dict(prefix="attached ")}
    shapes = {name: list(tensor.shape) for name, tensor in tensors.items()}
    parts = [type(part).__qualname__ for part in (model, loss, sampler, *attachments.stages)]
    text = json.dumps([asdict(recipe), split.fingerprint, shapes, parts, seed], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
