"""Everything that a fit is given, as one record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.api import Capability, Layout, Loss, Query, Sampler
from rexp.api.model import HISTORY_LENGTH, LAYOUT
from rexp.api.training import CONFIG, TARGET
from rexp.errors import ConfigError
from rexp.train.batches import Batches
from rexp.train.config import DeviceConfig, FitConfig, check_recipe
from rexp.train.negatives import single_negative
from rexp.train.resample import positives_of, resampled_rows
from rexp.train.stage_hooks import Attachments, Queries, queries_of
from rexp.train.training_rows import check_target, check_weighted, training_rows
from rexp.train.user_batches import UserBatches

if TYPE_CHECKING:
    from rexp.api import RecommenderModule
    from rexp.data.split import Split

Validate = Callable[["RecommenderModule"], Mapping[str, float]]
OnEpoch = Callable[[int, Mapping[str, float]], None]


@dataclass(frozen=True)
class FitJob:
    """One fit: what is trained, on what, how, and who is told.

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
    """

    model: RecommenderModule
    split: Split
    recipe: FitConfig
    device: DeviceConfig
    loss: Loss | None
    sampler: Sampler | None
    seed: int
    directory: Path
    validate: Validate | None = None
    on_epoch: Sequence[OnEpoch] = ()
    attachments: Attachments = field(default_factory=lambda: Attachments([], [], 0))
    fitted: bool = False

    def checked(self) -> FitJob:
        """The job as it can be done: a loss of ratings, or of given labels, draws no negatives.

        Raises:
            ConfigError: parts that contradict one another.
        """
        check_recipe(self.recipe)
        if self.validate is None and (self.recipe.select_epoch == "best" or self.recipe.patience):
            raise ConfigError(
                "train.select_epoch=best and train.patience need a validation; take train.select_epoch=last"
            )
        if self.loss is None and Capability.OWN_LOSS not in self.capabilities:
            raise ConfigError("this model has no loss of its own; choose one with loss=NAME")
        check_weighted(self.recipe.weights, type(self.model if self.loss is None else self.loss))
        check_target(self.split, self.loss)
        return self if TARGET.of(CONFIG.of(self.loss)) == "implicit" else replace(self, sampler=None)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """The model's."""
        return self.model.capabilities()

    @property
    def queries(self) -> Queries:
        """From users to what the model may know of them, for the attachments."""
        return queries_of(self.model, self.split) if self.attachments else Query

    @property
    def layout(self) -> Layout:
        """How the batches lie: as the loss wants them, or by whole sequences for a model that scores these."""
        layout = Layout(LAYOUT.of(self.model if self.loss is None else self.loss))
        if self.loss is None or Capability.SCORES_SEQUENCES not in self.capabilities:
            return layout
        if layout is Layout.POINTWISE:
            raise ConfigError(
                "this model is trained on whole sequences, at each position of which a positive stands against its "
                "negatives; take a loss over lists or pairs: loss=bce loss.layout=listwise, loss=sampled_softmax, "
                "loss=bpr"
            )
        return Layout.SEQUENCE

    def batches(self, rank: int, world: int) -> Batches | UserBatches:
        """The batches of one process, in the layout that loss and model agree on.

        Args:
            rank, world: the process, and how many there are.
        """
        layout, recipe, sampler = self.layout, self.recipe, self.sampler
        length = HISTORY_LENGTH.of(self.model) if Capability.SEQUENTIAL in self.capabilities else None
        rows = training_rows(self.split, self.loss, recipe.weights)
        common = (rows, self.split.n_users, layout, recipe.batch_size)
        if layout not in (Layout.SEQUENCE, Layout.USER):
            positive = positives_of(self.split, recipe, self.loss)
            chosen = None if positive is None else resampled_rows(positive, recipe, self.seed)
            size = recipe.epoch_size
            return Batches(
                *common, sampler, self.seed, rank, world, epoch_size=size, rows=chosen, history_length=length
            )
        if recipe.resample != "none":
            raise ConfigError("train.resample balances labeled rows, and this model is trained on whole users")
        if layout is Layout.USER and recipe.weights != "none":
            raise ConfigError(f"train.weights={recipe.weights} counts interactions, and this model is trained on users")
        if recipe.epoch_size is not None:
            raise ConfigError("train.epoch_size counts interactions, and this model is trained on whole users")
        if sampler is not None and self.loss is not None and self.loss.layout is Layout.PAIRWISE:
            sampler = single_negative(sampler)
        return UserBatches(*common, sampler, self.seed, rank, world, history_length=length)

    def fingerprint(self) -> str:
        """What a checkpoint must have in common with the fit that goes on from it."""
        tensors = {**self.model.state_dict(), **self.attachments.state_dict(prefix="attached ")}
        shapes = {name: list(tensor.shape) for name, tensor in tensors.items()}
        objects = (self.model, self.loss, self.sampler, *self.attachments.stages)
        parts = [type(part).__qualname__ for part in objects]
        content = [asdict(self.recipe), self.split.fingerprint, shapes, parts, self.seed]
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
