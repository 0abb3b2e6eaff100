"""Stages of compression at work inside a fit: their losses, their parameters, their places in an epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Generator, Tensor, nn

from rexp.api import Batch, Capability, Query
from rexp.errors import ConfigError
from rexp.train.rng import derived_seed

if TYPE_CHECKING:
    from rexp.data.split import Split

Queries = Callable[[Tensor], Query]


class TrainingStep:
    """One step as a stage sees it (:class:`rexp.api.TrainStep`); what a model encodes is asked for once.

    Args:
        model: the student.
        batch: the batch of the step.
        scores: of ``batch.items``.
        queries: from users to what the model may know of them.
        sums: the fit's own loss is a sum over the batch, not a mean.
        objective: what the batch costs another model by the fit's own loss.
    """

    def __init__(
        self,
        model: Any,
        batch: Batch,
        scores: Tensor,
        queries: Queries,
        sums: bool,
        objective: Callable[[nn.Module], Tensor],
    ) -> None:
        self.model, self.batch, self.scores, self._queries = model, batch, scores, queries
        self.sums, self.objective = sums, objective

    @cached_property
    def users(self) -> Tensor:
        """(A,) distinct users of the batch, ascending."""
        distinct: Tensor = torch.unique(self.batch.query.users)
        return distinct

    @cached_property
    def items(self) -> Tensor:
        """(C,) distinct items of the batch, ascending; padding is none."""
        distinct: Tensor = torch.unique(self.batch.items)
        return distinct[distinct >= 0]

    def user_embeddings(self, users: Tensor) -> Tensor:
        """(B, D) with their gradient."""
        return cast("Tensor", self.model.user_embeddings(self._queries(users)))

    def item_embeddings(self, items: Tensor) -> Tensor:
        """(B, D) with their gradient."""
        rows: Tensor = self._all_item_vectors
        return rows.index_select(0, items)

    def score(self, users: Tensor, items: Tensor) -> Tensor:
        """Logits of ``items`` (B,) or (B, K), with their gradient."""
        return cast("Tensor", self.model.score(self._queries(users), items))

    @cached_property
    def _all_item_vectors(self) -> Tensor:
        return cast("Tensor", self.model.item_embeddings())


class Attachments(nn.Module):
    """The stages of one fit, in their order.

    Args:
        stages: each an ``nn.Module`` with the contract :class:`rexp.api.StageHook`.
        generators: the generator that each was attached with.
        seed: of the run; every epoch's draws follow from it and the epoch alone, so that a resumed fit draws alike.
    """

    def __init__(self, stages: Sequence[nn.Module], generators: Sequence[Generator], seed: int) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.generators, self.seed = list(generators), seed

    def __len__(self) -> int:
        return len(self.stages)

    def on_epoch(self, epoch: int) -> None:
        """Before an epoch."""
        for place, (stage, generator) in enumerate(zip(self.stages, self.generators, strict=True)):
            generator.manual_seed(derived_seed(self.seed, epoch, 3, place))
            stage.on_epoch(epoch)  # type: ignore[operator]

    def loss(self, step: TrainingStep) -> Tensor | None:
        """What the stages add to the loss of a step; None where they add nothing."""
        total: Tensor | None = None
        for stage in self.stages:
            for value in stage.loss(step).values():  # type: ignore[operator]
                total = value if total is None else total + value
        return total

    def after_step(self) -> None:
        """After the optimiser's step."""
        for stage in self.stages:
            stage.after_step()  # type: ignore[operator]

    @property
    def settled(self) -> bool:
        """No stage is on its way to what the result must be; before that, no epoch can be the best."""
        return all(getattr(stage, "settled", True) for stage in self.stages)

    @contextmanager
    def settled_at_once(self, model: nn.Module) -> Iterator[bool]:
        """The model as the stages would leave it without any training; its weights come back afterwards.

        Yields:
            whether all stages can say so.
        """
        known = all(hasattr(stage, "settle") or not hasattr(stage, "settled") for stage in self.stages)
        weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        for stage in self.stages:
            if known and hasattr(stage, "settle"):
                stage.settle()  # type: ignore[operator]
        try:
            yield known
        finally:
            model.load_state_dict(weights)

    def finish(self) -> None:
        """After the fit."""
        for stage in self.stages:
            stage.finish()  # type: ignore[operator]


def queries_of(model: nn.Module, split: Split) -> Queries:
    """What a student may know of a user outside its batch: the training part."""
    sequential = Capability.SEQUENTIAL in model.capabilities()  # type: ignore[operator]
    if not sequential:
        return Query
    length = model.history_length
    if not isinstance(length, int):
        raise ConfigError("a student that reads histories must bound them; set model.history_length")
    return lambda users: split.query(users, ["train"], length)
