"""Distillation experts: the teacher's vectors, made of the student's by experts that are chosen by the teacher's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from rexp.api import Requirement
from rexp.compress.distill._base import DistillationStage, Distilling, teacher_of, weighed
from rexp.compress.distill._experts import Experts, squared_distance
from rexp.compress.distill._gumbel import annealed
from rexp.compress.distill._step_users import Sample, StepUsers, UsersPerStep, check_users_per_step
from rexp.compress.distill._vectors import Side, pair_of_vectors, positives_and_negatives, sizes
from rexp.nn.reduction import Reduction  # noqa: TC001  the options are read with their types
from rexp.plugins.options import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from rexp.api import StageContext, TrainStep

COST = 20
"""What an expert costs, in scored items: with 30 experts a vector takes as long as a list of 600 items."""


@dataclass(frozen=True)
class DEConfig:
    """Options of :class:`DE`; the defaults are the authors' for BPR on CiteULike.

    Args:
        weight: of the loss.
        experts: of users, and as many of items.
        temperature: of the choice in the first epoch.
        end_temperature: which it falls to, exponentially, over ``max_epochs`` of the fit.
        reduction: that the weight is meant for, over users, over positive items and over negative items of
            the batch, each of them once; rescaled where the fit's own loss has the other.
        users_per_step: users of a batch that are distilled in a step, and as many items: ``all``, a number,
            or ``auto``, an eighth as many as the batch has samples, at least 16
            (:class:`rexp.compress.distill._step_users.StepUsers`).
    """

    weight: float = 0.01
    experts: int = 30
    temperature: float = 1.0
    end_temperature: float = 1e-10
    reduction: Reduction = "sum"
    users_per_step: UsersPerStep = "auto"

    def __post_init__(self) -> None:
        require(self.experts >= 1, f"experts={self.experts} must be 1 or more")
        for key in ("temperature", "end_temperature"):
            require(getattr(self, key) > 0, f"{key}={getattr(self, key)} must be above 0")
        check_users_per_step(self.users_per_step)


class DE(DistillationStage):
    """Distillation experts (Kang et al., CIKM 2020: DE-RRD)."""

    Config: ClassVar[type] = DEConfig
    config: DEConfig
    needs = frozenset({Requirement.TEACHER, Requirement.VECTORS})

    def attach(self, model: nn.Module, context: StageContext) -> DELoss:
        """Build the experts and gates of both sides; they are trained in the fit, and dropped with it."""
        return DELoss(self.config, model, context)


class DELoss(Distilling):
    """``users + (positive items + negative items) / 2`` of the squared distances to the teacher's vectors."""

    def __init__(self, config: DEConfig, model: nn.Module, context: StageContext) -> None:
        super().__init__()
        self.config, self.teacher, self.max_epochs = config, teacher_of(context), context.max_epochs
        self.of_users, self.of_items = experts_of(model, context, config.experts)
        self.entities = StepUsers(config.users_per_step, context.generator, COST * config.experts)

    def on_epoch(self, epoch: int) -> None:
        """Anneal the temperature."""
        config = self.config
        self.temperature = annealed(epoch - 1, self.max_epochs, config.temperature, config.end_temperature)

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """The loss ``de``."""
        users = self.entities.of(step)
        items = [self._drawn(ids, users) for ids in positives_and_negatives(step.batch)]
        return {"de": self._loss(step, "user", users) + 0.5 * self._loss(step, "item", *items)}

    def _drawn(self, items: Tensor, users: Sample) -> Sample:
        """Half as many items as users, or all where these are all."""
        if self.config.users_per_step == "all":
            return Sample(items)
        return self.entities.draw(items, max(1, len(users.ids) // 2))

    def _loss(self, step: TrainStep, side: Side, *samples: Sample) -> Tensor:
        """The losses of several samples of one side, added up; the experts are asked once."""
        experts = self.of_users if side == "user" else self.of_items
        vectors = pair_of_vectors(step, self.teacher, side, torch.cat([sample.ids for sample in samples]))
        distances = reconstruction(experts, *vectors, self.temperature)
        parts = torch.split(distances, [len(sample.ids) for sample in samples])
        losses = [
            weighed(step, self.config.weight, part, self.config.reduction, sample=sample)
            for sample, part in zip(samples, parts, strict=True)
            if len(part)
        ]
        return torch.stack(losses).sum() if losses else step.scores.new_zeros(())


def experts_of(model: nn.Module, context: StageContext, n: int) -> tuple[Experts, Experts]:
    """Experts of users, and of items."""
    users, items = sizes(model, context)
    return Experts(*users, n, context.generator), Experts(*items, n, context.generator)


def reconstruction(experts: Experts, student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """(B,) squared distances of the teacher's vectors (B, d_t) from what the experts make of the student's (B, d_s)."""
    return squared_distance(teacher, experts(student, experts.choose(teacher, temperature)))
