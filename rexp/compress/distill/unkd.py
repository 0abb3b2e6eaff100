"""Unbiased distillation: pairs in the teacher's order, of items that are about as popular."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Generator, Tensor

from rexp.compress.distill._base import DistillationStage, Distilling, teacher_of, weighed
from rexp.compress.distill._item_side import USERS_AT_ONCE
from rexp.compress.distill._ranked import take
from rexp.compress.distill._sampling import draw_ranks
from rexp.compress.distill._scores import scores_of_lists
from rexp.compress.distill._step_users import StepUsers, UsersPerStep, check_users_per_step
from rexp.compress.student import hide_train
from rexp.data.types import PADDING
from rexp.nn.reduction import Reduction  # noqa: TC001  the options are read with their types
from rexp.plugins.options import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from rexp.api import StageContext, TrainStep

EPSILON = 1e-10


@dataclass(frozen=True)
class UnKDConfig:
    """Options of :class:`UnKD`.

    Args:
        weight: of the loss. It belongs to means, unlike that of most methods.
        groups: of items by popularity, with about the same number of interactions each.
        n: pairs of each user in all groups together, drawn each epoch.
        power: of the groups' shares of the pairs: they are in proportion to (inverse popularity)^power; 0 makes
            them alike.
        depth: the best unobserved items of a group that pairs are drawn from.
        scale: rank r is drawn with a probability in proportion to exp(-r / scale); at least 0.1.
        reduction: that the weight is meant for, over the users of the batch, each of them the mean over its pairs;
            rescaled where the fit's own loss has the other.
        users_per_step: users of a batch that are distilled in a step: ``all``, a number,
            or ``auto``, an eighth as many as the batch has samples, at least 16
            (:class:`rexp.compress.distill._step_users.StepUsers`).
    """

    weight: float = 1.0
    groups: int = 4
    n: int = 30
    power: float = 0.0
    depth: int = 1000
    scale: float = 20.0
    reduction: Reduction = "mean"
    users_per_step: UsersPerStep = "auto"

    def __post_init__(self) -> None:
        require(self.groups >= 1, f"groups={self.groups} must be 1 or more")
        require(self.n >= self.groups, f"n={self.n} must not be below groups={self.groups}")
        require(self.depth >= 2, f"depth={self.depth} must be 2 or more")
        # Below it nothing but the first rank is drawn, and two that differ never.
        require(self.scale >= 0.1, f"scale={self.scale} must be 0.1 or more")
        check_users_per_step(self.users_per_step)


class UnKD(DistillationStage):
    """Unbiased knowledge distillation (Chen et al., WSDM 2023)."""

    Config: ClassVar[type] = UnKDConfig
    config: UnKDConfig

    def attach(self, model: nn.Module, context: StageContext) -> UnKDLoss:
        """Rank every user's items within each group as the teacher does."""
        return UnKDLoss(self.config, context)


def popularity_groups(counts: Tensor, n: int) -> list[Tensor]:
    """Items by falling popularity, cut where each n-th part of all interactions ends.

    Args:
        counts: (I,) interactions of every item; items without any are in no group.
        n: groups; fewer come back where one item fills several.
    """
    order = counts.argsort(descending=True, stable=True)[: int((counts > 0).sum())]
    before = counts[order].cumsum(0) - counts[order]
    group = n * before // counts.sum()
    return [order[group == g] for g in range(n) if bool((group == g).any())]


def pairs_of_groups(counts: Tensor, groups: list[Tensor], n: int, power: float) -> list[int]:
    """Allocation of n pairs to popularity groups.

    In proportion to ``r^power``, where r is highest + lowest - mean popularity of the group, as a share of all, at
    least 0.1. Rounding may give more than n; where it gives fewer, the first groups get one more.
    """
    popularity = torch.stack([counts[group].double().mean() for group in groups])
    inverse = popularity.max() + popularity.min() - popularity
    shares = (inverse / inverse.sum()).clamp(min=0.1) ** power
    pairs: list[int] = (n * shares / shares.sum()).round().long().tolist()
    missing = max(0, n - sum(pairs))
    return [count + missing // len(pairs) + (place < missing % len(pairs)) for place, count in enumerate(pairs)]


def draw_pairs(ranked: Tensor, n: int, scale: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Draw pairs of distinct ranks, each rank r in proportion to exp(-r / scale), until they are distinct.

    Args:
        ranked: (R, depth) int32, best first, padded with -1.
        n: pairs of each row.
        scale: of the decay.
        generator: the source of chance.

    Returns:
        the better and the worse (R, n) of each pair; -1 for a row with fewer than two.
    """
    sizes = (ranked != PADDING).sum(1)
    rows = (sizes >= 2).nonzero().squeeze(1)
    first, second = (draw_ranks(sizes[rows], n, scale, generator) for _ in range(2))
    while bool((alike := first == second).any()):
        again, places = alike.nonzero(as_tuple=True)
        for ranks in (first, second):
            ranks[again, places] = draw_ranks(sizes[rows][again], 1, scale, generator).squeeze(1)
    better, worse = (torch.full((len(ranked), n), PADDING) for _ in range(2))
    better[rows], worse[rows] = first.minimum(second), first.maximum(second)
    return take(ranked, better), take(ranked, worse)


def ranked_pairs(better: Tensor, worse: Tensor) -> Tensor:
    """(B,) mean over the pairs of ``-ln(sigmoid(s_better - s_worse) + 1e-10)`` of logits (B, n); -inf is not there."""
    there = better != -torch.inf
    margins = better.where(there, 0.0) - worse.where(there, 0.0)
    losses = -(margins.sigmoid() + EPSILON).log()
    return losses.where(there, 0.0).sum(1) / there.sum(1).clamp(min=1)


class UnKDLoss(Distilling):
    """:func:`ranked_pairs` over the distinct users of the batch."""

    def __init__(self, config: UnKDConfig, context: StageContext) -> None:
        super().__init__()
        self.config, self.generator = config, context.generator
        self.users = StepUsers(config.users_per_step, context.generator, 2 * config.n)
        split, teacher = context.split, teacher_of(context)
        counts = torch.from_numpy(split.train_users_per_item)
        groups = popularity_groups(counts, config.groups)
        self.pairs = pairs_of_groups(counts, groups, config.n, config.power)
        self.ranked = [
            torch.full((split.n_users, min(config.depth, len(group))), PADDING, dtype=torch.int32) for group in groups
        ]
        for users in torch.split(torch.arange(split.n_users), USERS_AT_ONCE):
            scores = hide_train(teacher.score_all(users), users, split)
            for group, table in zip(groups, self.ranked, strict=True):
                best, places = scores[:, group].topk(table.shape[1], dim=1)
                table[users] = group[places].masked_fill(best.isneginf(), PADDING).int()

    def on_epoch(self, epoch: int) -> None:
        """Draw the pairs of every user."""
        drawn = [
            draw_pairs(table, n, self.config.scale, self.generator)
            for table, n in zip(self.ranked, self.pairs, strict=True)
        ]
        self.better, self.worse = (torch.cat(side, 1) for side in zip(*drawn, strict=True))

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """The loss ``unkd``."""
        sample = self.users.of(step)
        losses = ranked_pairs(*scores_of_lists(step, sample.ids, self.better, self.worse))
        return {"unkd": weighed(step, self.config.weight, losses, self.config.reduction, sample=sample)}
