"""Hierarchical topology distillation: entities in groups, arranged within a group and between groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from rexp.api import Requirement
from rexp.compress.distill._base import DistillationStage, Distilling, in_terms_of, teacher_of
from rexp.compress.distill._gumbel import annealed
from rexp.compress.distill._step_users import StepUsers, UsersPerStep, check_users_per_step
from rexp.compress.distill._topology import between_groups, within_groups
from rexp.compress.distill._vectors import pair_of_vectors
from rexp.compress.distill.de import experts_of, reconstruction
from rexp.plugins.options import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexp.api import StageContext, TrainStep

COST = 20
"""What a group costs, in scored items; see :data:`rexp.compress.distill.de.COST`."""


@dataclass(frozen=True)
class HTDConfig:
    """Options of :class:`HTD`; the defaults are the authors' for BPR on CiteULike. All losses are sums.

    Args:
        weight: of the loss.
        alpha: share of the topology in it; the rest trains what assigns the groups.
        groups: of users, and as many of items.
        prototypes: compared with every ``entity``, or with one another (``group``).
        temperature: of the choice of experts in the first epoch.
        end_temperature: which it falls to, exponentially, over ``max_epochs`` of the fit.
        users_per_step: how many users and items of a batch are distilled in a step, the same share of both, together
            twice as many: ``all``, a number, or ``auto``, an eighth as many as the batch has samples, at least 16
            (:meth:`rexp.compress.distill._step_users.StepUsers.entities`).
    """

    weight: float = 0.001
    alpha: float = 0.5
    groups: int = 30
    prototypes: Literal["entity", "group"] = "entity"
    temperature: float = 1.0
    end_temperature: float = 1e-10
    users_per_step: UsersPerStep = "auto"

    def __post_init__(self) -> None:
        require(0 <= self.alpha <= 1, f"alpha={self.alpha} must be from 0 to 1")
        require(self.groups >= 1, f"groups={self.groups} must be 1 or more")
        for key in ("temperature", "end_temperature"):
            require(getattr(self, key) > 0, f"{key}={getattr(self, key)} must be above 0")
        check_users_per_step(self.users_per_step)


class HTD(DistillationStage):
    """Hierarchical topology distillation (Kang et al., KDD 2021)."""

    Config: ClassVar[type] = HTDConfig
    config: HTDConfig
    needs = frozenset({Requirement.TEACHER, Requirement.VECTORS})

    def attach(self, model: nn.Module, context: StageContext) -> HTDLoss:
        """Build what assigns the groups; it is trained in the fit, and dropped with it."""
        return HTDLoss(self.config, model, context)


class HTDLoss(Distilling):
    """``alpha L_topology + (1 - alpha) L_assignment``; the second is the loss of distillation experts."""

    def __init__(self, config: HTDConfig, model: nn.Module, context: StageContext) -> None:
        super().__init__()
        self.config, self.teacher, self.max_epochs = config, teacher_of(context), context.max_epochs
        self.of_users, self.of_items = experts_of(model, context, config.groups)
        self.entities = StepUsers(config.users_per_step, context.generator, COST * config.groups)

    def on_epoch(self, epoch: int) -> None:
        """Anneal the temperature."""
        config = self.config
        self.temperature = annealed(epoch - 1, self.max_epochs, config.temperature, config.end_temperature)

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """The losses ``topology`` and ``assignment``."""
        drawn = self.entities.entities(step)
        users = pair_of_vectors(step, self.teacher, "user", drawn[0].ids)
        items = pair_of_vectors(step, self.teacher, "item", drawn[1].ids)
        share = (len(step.users) + len(step.items)) / (len(users[0]) + len(items[0]))
        student, teacher = (torch.cat(both) for both in zip(users, items, strict=True))
        groups = torch.cat([self.of_users.groups(users[1]), self.of_items.groups(items[1]) + self.config.groups])
        entities = self.config.prototypes == "entity"
        # Of drawn entities a pair stands for share^2 pairs, and one beside a prototype for share.
        topology = share**2 * within_groups(student, teacher, groups)
        topology = topology + (share if entities else 1) * between_groups(student, teacher, groups, entities=entities)
        assignment = reconstruction(self.of_users, *users, self.temperature).sum()
        assignment = assignment + reconstruction(self.of_items, *items, self.temperature).sum()
        weight, alpha = in_terms_of(step, "sum") * self.config.weight, self.config.alpha
        return {"topology": weight * alpha * topology, "assignment": weight * (1 - alpha) * share * assignment}
