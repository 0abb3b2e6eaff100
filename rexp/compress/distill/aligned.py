"""Aligning distillation: a student that reads content behaves like a teacher that knows behavior, or the other way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from rexp.api import Requirement
from rexp.compress.distill._base import DistillationStage, Distilling, teacher_of, weighed
from rexp.compress.distill.kd import soft_bce
from rexp.errors import ConfigError
from rexp.nn.reduction import Reduction  # noqa: TC001  the options are read with their types
from rexp.plugins.options import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from rexp.api import StageContext, TrainStep
    from rexp.data.split import Split


@dataclass(frozen=True)
class AlignedConfig:
    """Options of :class:`Aligned`; the weights are the defaults of the authors' code.

    Args:
        ranking: weight of the loss over score differences of positives and negatives.
        identification: weight of the loss over how far an item is from others.
        rating: weight of the loss over the scores themselves.
        trusted_at: M of the weights of positives, ``tanh(M f / f_mean)`` and at most ``tanh(M)``, where f is the number
            of an item's users, each divided by how many items that user took: what a teacher has seen little of
            teaches little. 0 counts all alike.
        reduction: that the weights are meant for, over the pairs of the batch; rescaled where the fit's own loss has
            the other.
    """

    ranking: float = 0.9
    identification: float = 0.05
    rating: float = 0.1
    trusted_at: float = 4.0
    reduction: Reduction = "mean"

    def __post_init__(self) -> None:
        for key in ("ranking", "identification", "rating", "trusted_at"):
            require(getattr(self, key) >= 0, f"{key}={getattr(self, key)} must not be negative")


class Aligned(DistillationStage):
    """ALDI (Huang et al.: Aligning Distillation for Cold-start Item Recommendation, SIGIR 2023).

    There a teacher of ids is frozen and its student reads content; what the stage asks of both holds as well for a
    student of ids under a teacher that reads.
    """

    Config: ClassVar[type] = AlignedConfig
    config: AlignedConfig
    needs = frozenset({Requirement.TEACHER, Requirement.VECTORS})

    def attach(self, model: nn.Module, context: StageContext) -> AlignedLoss:
        """Weigh the items."""
        return AlignedLoss(self.config, context)


def trust(split: Split, at: float) -> Tensor:
    """(I,) float32 weights of items as positives; see ``trusted_at`` of :class:`AlignedConfig`."""
    if not at:
        return torch.ones(split.n_items)
    users, items = split.train.users, split.train.items
    taken = np.bincount(users, minlength=split.n_users)
    frequency = np.bincount(items, 1 / taken[users], minlength=split.n_items)
    # The mean over items: every user with an item counts 1 in all.
    mean = split.n_users / split.n_items
    return torch.from_numpy(np.tanh(np.minimum(at * frequency / mean, at))).float()


def apart(positives: Tensor, negatives: Tensor) -> Tensor:
    """(B,) ``p_i . p_i - mean_j p_i . n_j`` of vectors (B, D) and (N, D): how well an item is told from others."""
    return positives.square().sum(1) - positives @ (negatives.sum(0) / max(len(negatives), 1))


class AlignedLoss(Distilling):
    """The three losses over the positives of a batch, each with its negatives."""

    def __init__(self, config: AlignedConfig, context: StageContext) -> None:
        super().__init__()
        self.config, self.teacher = config, teacher_of(context)
        self.trust = trust(context.split, config.trusted_at)

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """The losses ``ranking``, ``identification`` and ``rating``.

        Raises:
            ConfigError: the batch holds no positives with negatives.
        """
        batch, config = step.batch, self.config
        if batch.items.dim() != 2 or batch.items.shape[1] < 2:
            raise ConfigError("aligned needs a loss over positives with their negatives: take loss=bpr")
        items, features = batch.items.cpu(), {name: value.cpu() for name, value in batch.query.features.items()}
        own, taught = step.scores, self.teacher.scores(batch.query.users.cpu(), items, features or None).to(step.scores)
        positives, negatives = batch.items[:, 0], batch.items[:, 1:]
        weights = self.trust[items[:, 0]].to(own)
        log_q = None if batch.log_q is None else batch.log_q[:, 1:]
        counted = negatives.flatten() if log_q is None else negatives[~log_q.isposinf()]

        ranking = soft_bce(own[:, :1] - own[:, 1:], taught[:, :1] - taught[:, 1:], 1.0) * weights[:, None]
        rating = (own[:, :1] - taught[:, :1]).abs() + (own[:, 1:] - taught[:, 1:]).abs()
        ours = apart(step.item_embeddings(positives), step.item_embeddings(counted))
        theirs = apart(*(self.teacher.item_embeddings(ids.cpu()).to(own) for ids in (positives, counted)))
        told_apart = soft_bce(ours, theirs, 1.0) * weights
        return {
            "ranking": weighed(step, config.ranking, ranking, config.reduction, log_q),
            "identification": weighed(step, config.identification, told_apart, config.reduction),
            "rating": weighed(step, config.rating, rating, config.reduction, log_q),
        }
