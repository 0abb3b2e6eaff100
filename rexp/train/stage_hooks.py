"""Stages of compression at work inside a fit: their losses, their parameters, their places in an epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, cast

from torch import Generator, Tensor, nn

from rexp.api import Batch, Capability, Query
from rexp.api.compression import SETTLE, SETTLED
from rexp.api.model import HISTORY_LENGTH, ITEM_EMBEDDINGS_OF
from rexp.errors import ConfigError, RunError
from rexp.nn.distinct import distinct
from rexp.train.positives import as_tensor
from rexp.train.rng import derived_seed

if TYPE_CHECKING:
    from rexp.api import RecommenderModule, StageHook
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
        model: RecommenderModule,
        batch: Batch,
        scores: Tensor,
        queries: Queries,
        sums: bool,
        objective: Callable[[RecommenderModule], Tensor],
    ) -> None:
        self.model, self.batch, self.scores, self._queries = model, batch, scores, queries
        self.sums, self.objective = sums, objective

    @cached_property
    def users(self) -> Tensor:
        """(A,) distinct users of the batch, ascending."""
        return distinct(self.batch.query.users)

    @cached_property
    def items(self) -> Tensor:
        """(C,) distinct items of the batch, ascending; padding is none."""
        return distinct(self.batch.items)

    def user_embeddings(self, users: Tensor) -> Tensor:
        """(B, D) with their gradient."""
        return self.model.user_embeddings(self._queries(users))

    def item_embeddings(self, items: Tensor) -> Tensor:
        """(B, D) with their gradient."""
        vectors = ITEM_EMBEDDINGS_OF.of(self.model)
        return self._all_item_vectors.index_select(0, items) if vectors is None else vectors(items)

    def score(self, users: Tensor, items: Tensor) -> Tensor:
        """Logits of ``items`` (B,) or (B, K), with their gradient."""
        return self.model.score(self._queries(users), items)

    @cached_property
    def _all_item_vectors(self) -> Tensor:
        return self.model.item_embeddings()


class Attachments(nn.Module):
    """The stages of one fit, in their order.

    Args:
        stages: each an ``nn.Module`` with the contract :class:`rexp.api.StageHook`.
        generators: the generator that each was attached with.
        seed: of the run; every epoch's draws follow from it and the epoch alone, so that a resumed fit draws alike.
    """

    def __init__(self, stages: Sequence[nn.Module], generators: Sequence[Generator], seed: int) -> None:
        super().__init__()
        self.stages = cast("Sequence[StageHook]", nn.ModuleList(stages))
        self.generators, self.seed = list(generators), seed

    def __len__(self) -> int:
        return len(self.stages)

    def on_epoch(self, epoch: int) -> None:
        """Before an epoch."""
        for place, (stage, generator) in enumerate(zip(self.stages, self.generators, strict=True)):
            generator.manual_seed(derived_seed(self.seed, epoch, 3, place))
            stage.on_epoch(epoch)

    def loss(self, step: TrainingStep) -> Tensor | None:
        """Loss terms that the stages add to a step; None if there are none."""
        total: Tensor | None = None
        for stage in self.stages:
            for value in stage.loss(step).values():
                total = value if total is None else total + value
        return total

    def after_step(self) -> None:
        """After the optimizer's step."""
        for stage in self.stages:
            stage.after_step()

    @property
    def settled(self) -> bool:
        """No stage is on its way to what the result must be; before that, no epoch can be the best."""
        return all(SETTLED.of(stage) for stage in self.stages)

    @contextmanager
    def settled_at_once(self, model: nn.Module) -> Iterator[bool]:
        """The model as the stages would leave it without any training; its weights come back afterwards.

        Yields:
            whether all stages can say so.
        """
        settles = [SETTLE.of(stage) for stage in self.stages]
        ready = zip(self.stages, settles, strict=True)
        known = all(settle or not hasattr(stage, SETTLED.name) for stage, settle in ready)
        weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        for settle in settles:
            if known and settle:
                settle()
        try:
            yield known
        finally:
            model.load_state_dict(weights)

    def finish(self) -> None:
        """After the fit."""
        for stage in self.stages:
            stage.finish()


def check_hook(hook: object, model: nn.Module, stage: str) -> None:
    """Refuse what a stage attached where a fit cannot train with it.

    Args:
        hook: what the stage's ``attach`` gave.
        model: that is trained.
        stage: the stage in words, for the message.

    Raises:
        RunError: it is no module, lacks a method, or holds the model or a part of it among its own modules.
    """
    lacks = [name for name in ("loss", "after_step", "on_epoch", "finish") if not callable(getattr(hook, name, None))]
    if not isinstance(hook, nn.Module) or lacks:
        what = f"lacks {', '.join(lacks)}" if isinstance(hook, nn.Module) else "is no nn.Module"
        raise RunError(f"{stage} attaches a {type(hook).__name__}, which {what}; see rexp.api.StageHook")
    own = {id(parameter) for parameter in model.parameters()}
    shared = next((name for name, parameter in hook.named_parameters() if id(parameter) in own), None)
    path = next((path for path, part in hook.named_modules() if part is model), shared)
    if path is not None or any(part is hook for part in model.modules()):
        raise RunError(
            f"{stage} keeps the model, or a part of it, as a module of its own"
            + (f" (self.{path})" if path else "")
            + ", so that weights would be trained twice; ask StageContext.student and the step, or hold it in a list"
        )


def queries_of(model: RecommenderModule, split: Split) -> Queries:
    """Queries of users outside the batch, from the training split: what they took, and their latest context."""
    sequential = Capability.SEQUENTIAL in model.capabilities()
    if Capability.READS_CONTEXT in model.capabilities() and split.contexts:
        latest = {name: as_tensor(values) for name, values in split.train.latest_context(split.n_users).items()}
        return lambda users: replace(_with_history(model, split, users, sequential), features=_rows(latest, users))
    if not sequential:
        return Query
    return lambda users: _with_history(model, split, users, sequential)


def _rows(latest: Mapping[str, Tensor], users: Tensor) -> dict[str, Tensor]:
    return {name: values[users.cpu()].to(users.device) for name, values in latest.items()}


def _with_history(model: RecommenderModule, split: Split, users: Tensor, sequential: bool) -> Query:
    if not sequential:
        return Query(users)
    length = HISTORY_LENGTH.of(model)
    if length is None:
        raise ConfigError("a student that reads histories must bound them; set model.history_length")
    return split.query(users, ["train"], length)
