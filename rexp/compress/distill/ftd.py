"""Full topology distillation: all users and items of a batch arranged as the teacher arranges them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from rexp.api import Requirement
from rexp.compress.distill._base import DistillationStage, Distilling, in_terms_of, teacher_of
from rexp.compress.distill._step_users import StepUsers, UsersPerStep, check_users_per_step
from rexp.compress.distill._topology import full_topology
from rexp.compress.distill._vectors import pair_of_vectors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexp.api import StageContext, TrainStep


@dataclass(frozen=True)
class FTDConfig:
    """Options of :class:`FTD`; the defaults are the authors' for BPR on CiteULike.

    Args:
        weight: of the loss.
        reduction: that the weight is meant for, over the ordered pairs of entities of a batch;
            rescaled where the fit's own loss has the other.
        users_per_step: how many users and items of a batch are distilled in a step, the same share of both, together
            twice as many: ``all``, a number, or ``auto``, an eighth as many as the batch has samples, at least 16
            (:meth:`rexp.compress.distill._step_users.StepUsers.entities`).
    """

    weight: float = 0.001
    reduction: Literal["mean", "sum"] = "sum"
    users_per_step: UsersPerStep = "auto"

    def __post_init__(self) -> None:
        check_users_per_step(self.users_per_step)


class FTD(DistillationStage):
    """Full topology distillation (Kang et al., KDD 2021)."""

    Config: ClassVar[type] = FTDConfig
    config: FTDConfig
    needs = frozenset({Requirement.TEACHER, Requirement.VECTORS})

    def attach(self, model: nn.Module, context: StageContext) -> FTDLoss:
        """Attach without preparation."""
        return FTDLoss(self.config, context)


class FTDLoss(Distilling):
    """:func:`full_topology` of the distinct users and items of a batch together."""

    def __init__(self, config: FTDConfig, context: StageContext) -> None:
        super().__init__()
        self.config, self.teacher = config, teacher_of(context)
        self.entities = StepUsers(config.users_per_step, context.generator)

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """The loss ``ftd``."""
        users, items = self.entities.entities(step)
        of_users = pair_of_vectors(step, self.teacher, "user", users.ids)
        of_items = pair_of_vectors(step, self.teacher, "item", items.ids)
        student, teacher = (torch.cat(both) for both in zip(of_users, of_items, strict=True))
        weights = torch.cat([student.new_full((len(side.ids),), side.share) for side in (users, items)])
        pairs = float(weights.sum()) ** 2 if self.config.reduction == "mean" else 1
        weight = in_terms_of(step, self.config.reduction) * self.config.weight
        return {"ftd": weight * full_topology(student, teacher, weights) / pairs}
