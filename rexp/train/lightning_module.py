"""A recommender's training steps in Lightning's form."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from rexp.api import Batch, Capability, Loss, Query
from rexp.api.training import CONFIG, REDUCTION
from rexp.errors import RunError
from rexp.plugins.faults import check_shape
from rexp.train.optimizer import make_optimizer
from rexp.train.rng import derived_seed, seed_everything
from rexp.train.stage_hooks import TrainingStep

if TYPE_CHECKING:
    from rexp.api import RecommenderModule
    from rexp.train.batches import Batches, Chunk
    from rexp.train.checkpoint import FitState
    from rexp.train.job import FitJob
    from rexp.train.user_batches import UserBatches


class RecommenderTask(LightningModule):
    """Trains a model with manual optimization.

    Lightning's loop costs 0.3 to 0.4 ms a step, as much as a fifth of a small model's step; so what it takes for one
    step is a tuple of many batches, and the steps are done here.

    Args:
        job: the fit.
        resume: the state of an earlier process; or None.
        between_chunks: is called after each chunk with the steps it held.
    """

    def __init__(self, job: FitJob, resume: FitState | None, between_chunks: Callable[[int], None]) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.job, self.resume, self.between_chunks = job, resume, between_chunks
        self.model, self.attachments, self.queries = job.model, job.attachments, job.queries
        self.step_loss = _step_loss(job.model, job.loss)
        self.sums = REDUCTION.of(CONFIG.of(job.loss)) == "sum"
        self.epochs_before = resume["epoch"] if resume else 0

    @property
    def epoch(self) -> int:
        """The running epoch, from 1, counted over all processes that worked on this fit."""
        return self.epochs_before + self.current_epoch + 1

    def train_dataloader(self) -> Batches | UserBatches:
        self.batches = self.job.batches(self.trainer.global_rank, self.trainer.world_size)
        return self.batches

    def configure_optimizers(self) -> torch.optim.Optimizer:
        optimizer = make_optimizer(self.model, self.job.recipe, list(self.attachments.parameters()))
        if self.resume:
            optimizer.load_state_dict(self.resume["optimizer"])
            self.trainer.precision_plugin.load_state_dict(self.resume["scaler"])
        return optimizer

    def on_train_epoch_start(self) -> None:
        self.batches.epoch = self.epoch
        # Dropout then needs no state in a checkpoint.
        seed_everything(derived_seed(self.job.seed, self.epoch, 2, self.global_rank))
        self.model.train()
        self.attachments.train()
        self.attachments.on_epoch(self.epoch)
        self.loss_sum = torch.zeros((), device=self.device)
        self.steps = 0

    def transfer_batch_to_device(self, batch: Chunk, device: torch.device, dataloader_idx: int) -> Chunk:
        """Lightning's own walks through every dataclass, on the CPU too."""
        return batch if device.type == "cpu" else (_to(one, device) for one in batch)

    def training_step(self, chunk: Chunk, chunk_index: int) -> None:
        optimizer = self.optimizers()
        assert not isinstance(optimizer, list)
        steps = 0
        for batch in chunk:
            steps += 1
            self.loss_sum += self.step(batch, optimizer)
        self.steps += steps
        if not math.isfinite(self.loss_sum.item()):
            raise RunError(
                f"the loss is not finite in epoch {self.epoch}; try a smaller train.lr, train.clip_norm=1, "
                "or train.precision=32-true"
            )
        self.between_chunks(steps)

    def step(self, batch: Batch, optimizer: Any) -> Tensor:
        """One step on a batch of this device; returns its loss, without a graph."""
        loss, scores = self.step_loss(batch)
        check_shape(self.job.loss or self.model, "a loss", loss.shape, ())
        if self.attachments:
            objective = partial(_objective, loss=self.job.loss, batch=batch)
            step = TrainingStep(self.model, batch, scores, self.queries, self.sums, objective)
            added = self.attachments.loss(step)
            loss = loss if added is None else loss + added
        if not loss.requires_grad:
            raise RunError(
                "the loss depends on no parameter that is trained: those with a part in it are frozen; "
                "leave this training out, or free them"
            )
        optimizer.zero_grad()
        self.manual_backward(loss)
        if self.job.recipe.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.job.recipe.clip_norm)
        optimizer.step()
        self.attachments.after_step()
        return loss.detach()

    def mean_loss(self) -> float:
        """Mean over the epoch's steps, and over the ranks."""
        return float(self.trainer.strategy.reduce(self.loss_sum / max(1, self.steps), reduce_op="mean"))


def _step_loss(model: Any, loss: Loss | None) -> Callable[[Batch], tuple[Tensor, Tensor]]:
    """What one batch costs the model (its own loss or the given one, and its penalty), and the scores of its items."""

    def base(batch: Batch) -> tuple[Tensor, Tensor]:
        if loss is None:
            cost: Tensor = model.training_loss(batch)
            return cost, cost.new_empty(0)
        scores = model.score(batch.query, batch.items)
        check_shape(model, "scores", scores.shape, batch.items.shape)
        return loss(scores, batch), scores

    def over_sequences(batch: Batch) -> tuple[Tensor, Tensor]:
        """Every position that is no padding is a row of its own to the loss."""
        assert loss is not None
        scores = model.score_sequence(batch.query, batch.items.clamp(min=0))
        places = batch.items[..., 0] >= 0
        users = batch.query.users.unsqueeze(1).expand(places.shape)[places]
        features = {name: values[places] for name, values in batch.query.features.items()}
        log_q = None if batch.log_q is None else batch.log_q[places]
        weights = None if batch.weights is None else batch.weights[places]
        rows = Batch(Query(users, None, features), batch.items[places], None, log_q, weights)
        return loss(scores[places], rows), scores

    if loss is not None and Capability.SCORES_SEQUENCES in model.capabilities():
        base = over_sequences
    if Capability.REGULARIZED not in model.capabilities():
        return base

    def penalized(batch: Batch) -> tuple[Tensor, Tensor]:
        cost, scores = base(batch)
        return cost + model.penalty(batch), scores

    return penalized


def _objective(model: RecommenderModule, *, loss: Loss | None, batch: Batch) -> Tensor:
    """What a batch costs another model by the same objective."""
    return _step_loss(model, loss)(batch)[0]


def _to(batch: Batch, device: torch.device) -> Batch:
    def moved(values: Tensor | None) -> Tensor | None:
        return None if values is None else values.to(device, non_blocking=True)

    query = batch.query
    features = {name: values.to(device, non_blocking=True) for name, values in query.features.items()}
    return Batch(
        Query(query.users.to(device, non_blocking=True), moved(query.history), features),
        batch.items.to(device, non_blocking=True),
        moved(batch.labels),
        moved(batch.log_q),
        moved(batch.weights),
        batch.rows,
    )
