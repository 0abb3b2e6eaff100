"""Dual correction: what the student ranks too low above what it ranks too high, for users and for items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from rexp.compress.distill._base import DistillationStage, Distilling, teacher_of, weighed
from rexp.compress.distill._complement import ROWS_AT_ONCE
from rexp.compress.distill._item_side import top_users
from rexp.compress.distill._rank_gap import item_ranks, misplacement, user_ranks
from rexp.compress.distill._ranked import take
from rexp.compress.distill._relaxed_ranking import relaxed_ranking
from rexp.compress.distill._sampling import draw_positions
from rexp.compress.distill._scores import rows_of, scores_of_lists, scores_of_user_lists
from rexp.compress.distill._step_users import Sample
from rexp.compress.distill.rrd import RRDConfig, RRDLoss
from rexp.compress.student import Student
from rexp.data.types import PADDING
from rexp.plugins.options import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Generator, Tensor

    from rexp.api import RecommenderModule, StageContext, TrainStep


@dataclass(frozen=True)
class DCDConfig(RRDConfig):
    """Options of :class:`DCD`; the others are those of its part RRD (:class:`RRDConfig`), whose ``weight`` is one.

    The authors' constants are not public; these are those of RRD and IR-RRD for BPR on CiteULike.

    Args:
        user_weight: of the correction of every user's ranking of items.
        item_weight: of the correction of every item's ranking of users; 0 leaves the item's side out.
        k: items that are drawn of those too low, and as many of those too high, among the teacher's ``depth`` best.
        item_k: the same for users, on the item's side.
        scale: T of the weights ``tanh((rank of the student - rank of the teacher) / T)``.
        every: epochs between two rankings by the student, each with a draw; the paper ranks in each.
    """

    user_weight: float = 0.001
    item_weight: float = 0.0005
    k: int = 40
    item_k: int = 20
    scale: float = 10.0
    every: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("k", "item_k"):
            require(1 <= getattr(self, key) <= self.depth, f"{key}={getattr(self, key)} must be from 1 to depth")
        require(self.scale > 0, f"scale={self.scale} must be above 0")
        require(self.every >= 1, f"every={self.every} must be 1 or more")


class DCD(DistillationStage):
    """Dual correction strategy (Lee & Kim, CIKM 2021), with its part RRD."""

    Config: ClassVar[type] = DCDConfig
    config: DCDConfig

    def attach(self, model: RecommenderModule, context: StageContext) -> DCDLoss:
        """Ask the teacher for its best items of every user, and its best users of every item."""
        return DCDLoss(self.config, model, context)


def draw_misplaced(ranks: Tensor, best: Tensor, k: int, scale: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Draw what is too low, and what is too high, without replacement, in the teacher's order.

    Args:
        ranks: (R, depth) the student's ranks of ``best``.
        best: (R, depth) int32 in the teacher's order, padded with -1.
        k: of each.
        scale: see :func:`misplacement`.
        generator: the source of chance.

    Returns:
        two (R, k) int32, padded with -1.
    """
    blocks = []
    for of_student, of_teacher in zip(torch.split(ranks, ROWS_AT_ONCE), torch.split(best, ROWS_AT_ONCE), strict=True):
        weights = misplacement(of_student, of_teacher, scale)
        blocks.append([take(of_teacher, draw_positions(weight, k, generator)) for weight in weights])
    too_low, too_high = zip(*blocks, strict=True)
    return torch.cat(too_low), torch.cat(too_high)


class DCDLoss(Distilling):
    """RRD, and :func:`relaxed_ranking` of what is too low above what is too high.

    The user's side is over the distinct users of the batch, the item's over its distinct items.
    """

    items_too_low: Tensor
    items_too_high: Tensor
    users_too_low: Tensor
    users_too_high: Tensor

    def __init__(self, config: DCDConfig, model: RecommenderModule, context: StageContext) -> None:
        super().__init__()
        self.config, self.generator = config, context.generator
        self.rrd = RRDLoss(config, context, 2 * (config.k + 3 * (config.item_k if config.item_weight else 0)))
        self.student = Student(model, context.split)
        self.best_items = self.rrd.lists.best
        self.best_users = top_users(teacher_of(context), context.split, config.depth) if config.item_weight else None
        # Buffers, so that a fit that goes on between two rankings has them: what is too low, and what is too high.
        shapes = {"item": (context.split.n_users, config.k), "user": (context.split.n_items, config.item_k)}
        for name, shape in shapes.items():
            for place in ("low", "high"):
                self.register_buffer(f"{name}s_too_{place}", torch.full(shape, PADDING, dtype=torch.int32))

    def on_epoch(self, epoch: int) -> None:
        """Draw the lists of RRD, and find and draw what is misplaced now."""
        self.rrd.on_epoch(epoch)
        if (epoch - 1) % self.config.every == 0:
            self._draw()
        self.items = self.items_too_low.cpu(), self.items_too_high.cpu()
        self.users = self.users_too_low.cpu(), self.users_too_high.cpu()

    def _draw(self) -> None:
        config, ranks = self.config, item_ranks(self.student, self.best_items)
        items = draw_misplaced(ranks, self.best_items, config.k, config.scale, self.generator)
        self.items_too_low.copy_(items[0])
        self.items_too_high.copy_(items[1])
        if self.best_users is not None:
            ranks = user_ranks(self.student, self.best_users)
            users = draw_misplaced(ranks, self.best_users, config.item_k, config.scale, self.generator)
            self.users_too_low.copy_(users[0])
            self.users_too_high.copy_(users[1])

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """The losses ``rrd``, ``user_side`` and ``item_side``."""
        config = self.config
        users = self.rrd.users.of(step)
        scores = scores_of_lists(step, users.ids, self.rrd.positives, self.rrd.negatives, *self.items)
        of_rrd, of_users = relaxed_ranking(*scores[:2]), relaxed_ranking(*scores[2:])
        losses = {
            "rrd": weighed(step, config.weight, of_rrd, config.reduction, sample=users),
            "user_side": weighed(step, config.user_weight, of_users, config.reduction, sample=users),
        }
        if self.best_users is not None:
            everything = config.users_per_step == "all"
            items = Sample(step.items) if everything else self.rrd.users.draw(step.items, len(users.ids))
            lists = (rows_of(table, items.ids) for table in self.users)
            of_items = relaxed_ranking(*scores_of_user_lists(step, items.ids, *lists))
            losses["item_side"] = weighed(step, config.item_weight, of_items, config.reduction, sample=items)
        return losses
