"""Ranking distillation: the teacher's best items as further positives, the better the heavier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from rexp.compress.distill._base import DistillationStage, Distilling, teacher_of, weighed
from rexp.compress.distill._complement import Complement
from rexp.compress.distill._scores import rows_of, scores_of_lists
from rexp.compress.distill._step_users import StepUsers, UsersPerStep, check_users_per_step
from rexp.nn.reduction import Reduction  # noqa: TC001  the options are read with their types
from rexp.plugins.options import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from rexp.api import StageContext, TrainStep


@dataclass(frozen=True)
class RDConfig:
    """Options of :class:`RD`; the defaults are those of the authors' code.

    Args:
        weight: of the loss (alpha in the paper).
        k: the teacher's best items that a user did not take in training.
        scale: lambda of the weights by position, ``exp(-r / scale)``, normalized.
        mu: sharpness of the weights by how far down the student has an item.
        samples: items that the student's rank is estimated from (epsilon), drawn each epoch among those not taken.
        static_epochs: epochs before the second weights join.
        normalize: let the products of both weights sum to 1 for each user; the authors' code does not.
        reduction: that the weight is meant for, over the users of the batch;
            rescaled where the fit's own loss has the other.
        users_per_step: users of a batch that are distilled in a step: ``all``, a number,
            or ``auto``, an eighth as many as the batch has samples, at least 16
            (:class:`rexp.compress.distill._step_users.StepUsers`).
    """

    weight: float = 1.0
    k: int = 10
    scale: float = 1.0
    mu: float = 0.1
    samples: int = 100
    static_epochs: int = 10
    normalize: bool = False
    reduction: Reduction = "sum"
    users_per_step: UsersPerStep = "auto"

    def __post_init__(self) -> None:
        for key in ("k", "samples"):
            require(getattr(self, key) >= 1, f"{key}={getattr(self, key)} must be 1 or more")
        require(self.scale > 0, f"scale={self.scale} must be above 0")
        require(self.static_epochs >= 0, f"static_epochs={self.static_epochs} must not be negative")
        check_users_per_step(self.users_per_step)


class RD(DistillationStage):
    """Ranking distillation (Tang & Wang, KDD 2018)."""

    Config: ClassVar[type] = RDConfig
    config: RDConfig

    def attach(self, model: nn.Module, context: StageContext) -> RDLoss:
        """Ask the teacher for its best items."""
        return RDLoss(self.config, context)


def position_weights(k: int, scale: float) -> Tensor:
    """(k,) ``exp(-r / scale)`` for r = 1 .. k, normalized to 1."""
    weights = torch.exp(-torch.arange(1, k + 1) / scale)
    return weights / weights.sum()


def discrepancy_weights(scores: Tensor, sampled: Tensor, same: Tensor, n_items: int, mu: float) -> Tensor:
    """``max(0, tanh(mu (estimated rank - r)))``, ranks counted from 0 (Tang & Wang, KDD 2018).

    The rank is estimated from the share of sampled items above: ``floor((n_items - 1) share)``.

    Args:
        scores: (B, K) the student's, of the teacher's items in their order.
        sampled: (B, N) the student's, of sampled items; -inf is not there.
        same: (B, K, N) bool, where both are scores of one item, which rounding must not put above itself.
        n_items: of the catalogue.
        mu: sharpness.
    """
    above = ((sampled.unsqueeze(1) > scores.unsqueeze(2)) & ~same).sum(2)
    there = (sampled != -torch.inf).sum(1, keepdim=True).clamp(min=1)
    ranks = (n_items - 1) * above // there  # in whole numbers, so that no share is rounded across a floor
    return torch.tanh(mu * (ranks - torch.arange(scores.shape[1], device=scores.device))).clamp(min=0)


def weighted_positives(scores: Tensor, weights: Tensor) -> Tensor:
    """(B,) ``-sum_r w_r ln sigmoid(s_r)`` of logits (B, K); -inf is not there."""
    there = scores != -torch.inf
    return -(weights * F.logsigmoid(scores.where(there, 0.0))).where(there, 0.0).sum(1)


class RDLoss(Distilling):
    """:func:`weighted_positives` over the distinct users of the batch."""

    def __init__(self, config: RDConfig, context: StageContext) -> None:
        super().__init__()
        self.config, self.generator, self.n_items = config, context.generator, context.split.n_items
        self.best = teacher_of(context).top_items(config.k)
        self.users = StepUsers(config.users_per_step, context.generator, config.k + config.samples)
        self.untaken = Complement(context.split.user_items(["train"]), None, context.split.n_items)

    def on_epoch(self, epoch: int) -> None:
        """Draw the items that the student's ranks are estimated from."""
        dynamic = epoch > self.config.static_epochs
        self.sampled = self.untaken.draw(self.config.samples, self.generator) if dynamic else None

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """The loss ``rd``."""
        sample = self.users.of(step)
        (scores,) = scores_of_lists(step, sample.ids, self.best)
        weights = position_weights(self.config.k, self.config.scale).to(scores).expand(scores.shape)
        if self.sampled is not None:
            weights = weights * self._discrepancies(step, sample.ids, scores.detach())
            if self.config.normalize:
                weights = F.normalize(weights.where(scores != -torch.inf, 0.0), p=1)
        losses = weighted_positives(scores, weights)
        return {"rd": weighed(step, self.config.weight, losses, self.config.reduction, sample=sample)}

    @torch.no_grad()
    def _discrepancies(self, step: TrainStep, users: Tensor, scores: Tensor) -> Tensor:
        """Weights of the second kind, by ranks among items drawn for the epoch."""
        assert self.sampled is not None
        (others,) = scores_of_lists(step, users, self.sampled)
        same = rows_of(self.best, users).unsqueeze(2) == rows_of(self.sampled, users).unsqueeze(1)
        return discrepancy_weights(scores, others, same, self.n_items, self.config.mu)
