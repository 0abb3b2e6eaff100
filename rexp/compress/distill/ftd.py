"""Full topology distillation: all users and items of a batch arranged as the teacher arranges them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from rexp.api import Need
from rexp.compress.distill.stage import DistillationStage, Distilling, in_terms_of, teacher_of
from rexp.compress.distill.topology import full_topology
from rexp.compress.distill.vectors import pair_of_vectors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexp.api import StageContext, Step


@dataclass(frozen=True)
class FTDConfig:
    """Options of :class:`FTD`; the defaults are the authors' for BPR on CiteULike.

    Args:
        weight: of the loss.
        reduction: over the ordered pairs of entities of a batch.
    """

    weight: float = 0.001
    reduction: Literal["mean", "sum"] = "sum"


class FTD(DistillationStage):
    """Full topology distillation (Kang et al., KDD 2021)."""

    Config: ClassVar[type] = FTDConfig
    config: FTDConfig
    needs = frozenset({Need.TEACHER, Need.VECTORS})

    def attach(self, model: nn.Module, context: StageContext) -> FTDLoss:
        """Nothing is prepared."""
        return FTDLoss(self.config, context)


class FTDLoss(Distilling):
    """:func:`full_topology` of the distinct users and items of a batch together."""

    def __init__(self, config: FTDConfig, context: StageContext) -> None:
        super().__init__()
        self.config, self.teacher = config, teacher_of(context)

    def loss(self, step: Step) -> Mapping[str, Tensor]:
        """The loss ``ftd``."""
        users = pair_of_vectors(step, self.teacher, "user", step.users)
        items = pair_of_vectors(step, self.teacher, "item", step.items)
        student, teacher = (torch.cat(both) for both in zip(users, items, strict=True))
        pairs = len(student) ** 2 if self.config.reduction == "mean" else 1
        return {
            "ftd": in_terms_of(step, self.config.reduction)
            * self.config.weight
            * full_topology(student, teacher)
            / pairs
        }
