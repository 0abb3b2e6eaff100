"""Hard labels: what the teacher would recommend counts as taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from rexp.compress.distill._base import DistillationStage, Distilling, teacher_of, weighed
from rexp.compress.distill._complement import Complement
from rexp.compress.distill._scores import scores_of_lists
from rexp.compress.distill._step_users import StepUsers, UsersPerStep, check_users_per_step
from rexp.nn.reduction import Reduction  # noqa: TC001  the options are read with their types
from rexp.plugins.options import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from rexp.api import StageContext, TrainStep


@dataclass(frozen=True)
class HardLabelsConfig:
    """Options of :class:`HardLabels`.

    Args:
        weight: of the loss.
        k: the teacher's best items that a user did not take in training; their label is 1.
        others: items with label 0, drawn each epoch uniformly from those neither taken nor among the best.
        reduction: that the weight is meant for, over the users of the batch;
            rescaled where the fit's own loss has the other.
        users_per_step: users of a batch that are distilled in a step: ``all``, a number,
            or ``auto``, an eighth as many as the batch has samples, at least 16
            (:class:`rexp.compress.distill._step_users.StepUsers`).
    """

    weight: float = 1.0
    k: int = 10
    others: int = 10
    reduction: Reduction = "sum"
    users_per_step: UsersPerStep = "auto"

    def __post_init__(self) -> None:
        require(self.k >= 1, f"k={self.k} must be 1 or more")
        require(self.others >= 0, f"others={self.others} must not be negative")
        check_users_per_step(self.users_per_step)


class HardLabels(DistillationStage):
    """The teacher's decisions without its confidence: what soft targets are compared with."""

    Config: ClassVar[type] = HardLabelsConfig
    config: HardLabelsConfig

    def attach(self, model: nn.Module, context: StageContext) -> HardLabelsLoss:
        """Ask the teacher for its best items."""
        return HardLabelsLoss(self.config, context)


def labeled(positives: Tensor, negatives: Tensor) -> Tensor:
    """(B,) ``-sum ln sigmoid(s) - sum ln sigmoid(-s)`` of logits (B, K) and (B, L); -inf is not there. A row without
    positives is 0: the teacher says nothing of its user."""
    nothing = positives.isinf().all(1, keepdim=True)
    signed = torch.cat([positives, -negatives.masked_fill(nothing, -torch.inf)], 1)
    return -F.logsigmoid(signed.masked_fill(signed.isinf(), 0.0)).where(~signed.isinf(), 0.0).sum(1)


class HardLabelsLoss(Distilling):
    """:func:`labeled` over the distinct users of the batch."""

    def __init__(self, config: HardLabelsConfig, context: StageContext) -> None:
        super().__init__()
        self.config, self.generator = config, context.generator
        self.users = StepUsers(config.users_per_step, context.generator, config.k + config.others)
        self.best = teacher_of(context).top_items(config.k)
        self.rest = Complement(context.split.user_items(["train"]), self.best, context.split.n_items)

    def on_epoch(self, epoch: int) -> None:
        """Draw the items with label 0."""
        self.others = self.rest.draw(self.config.others, self.generator)

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """The loss ``hard_labels``."""
        sample = self.users.of(step)
        positives, negatives = scores_of_lists(step, sample.ids, self.best, self.others)
        losses = labeled(positives, negatives)
        return {"hard_labels": weighed(step, self.config.weight, losses, self.config.reduction, sample=sample)}
