"""Relaxed ranking distillation that is regularized from the item's side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from rexp.compress.distill._base import DistillationStage, Distilling, teacher_of, weighed
from rexp.compress.distill._item_side import top_users, train_users
from rexp.compress.distill._ranked import ListsOnDemand, RankedLists
from rexp.compress.distill._relaxed_ranking import relaxed_ranking
from rexp.compress.distill._scores import rows_of, scores_of_user_lists
from rexp.compress.distill._step_users import Sample
from rexp.compress.distill.rrd import RRDConfig, RRDLoss
from rexp.nn.distinct import distinct
from rexp.plugins.options import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from rexp.api import StageContext, TrainStep


@dataclass(frozen=True)
class IRRRDConfig(RRDConfig):
    """Options of :class:`IRRRD`; the defaults are the authors' for BPR on CiteULike. See :class:`RRDConfig` for others.

    Unless ``users_per_step`` is ``all``, a step distils users or as many items, by chance.

    Args:
        item_weight: of the item's side.
        item_n_positive: K, users that are drawn of the teacher's best of an item each epoch.
        item_n_negative: L, users that are drawn uniformly from the others each epoch.
        item_temperature: as ``temperature``, in ranks of users.
    """

    item_weight: float = 0.0005
    item_n_positive: int = 20
    item_n_negative: int = 20
    item_temperature: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("item_n_positive", "item_n_negative"):
            require(getattr(self, key) >= 1, f"{key}={getattr(self, key)} must be 1 or more")
        require(self.depth >= self.item_n_positive, f"depth={self.depth} must not be below item_n_positive")
        require(self.item_temperature > 0, f"item_temperature={self.item_temperature} must be above 0")


class IRRRD(DistillationStage):
    """Item-side ranking regularized distillation (Kang et al., Information Sciences 2021), on top of RRD."""

    Config: ClassVar[type] = IRRRDConfig
    config: IRRRDConfig

    def attach(self, model: nn.Module, context: StageContext) -> IRRRDLoss:
        """Ask the teacher for its best items of every user, and its best users of every item."""
        return IRRRDLoss(self.config, context)


class IRRRDLoss(Distilling):
    """:func:`relaxed_ranking` over the users of a batch, and over every item in one of their lists.

    Where users are drawn, a step has one of the two sides, chosen at random, at twice its weight: most of what a side
    costs is its own passes through the model, however few are drawn.
    """

    def __init__(self, config: IRRRDConfig, context: StageContext) -> None:
        super().__init__()
        self.config, self.generator = config, context.generator
        self.rrd = RRDLoss(config, context)
        self.users_of_items = ListsOnDemand(item_lists(config, context))

    def on_epoch(self, epoch: int) -> None:
        """Draw the lists of users, and forget those of items."""
        self.rrd.on_epoch(epoch)
        self.users_of_items.forget()

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """The losses ``rrd`` and ``item_side``, or one of them."""
        users = self.rrd.users.of(step)
        if self.config.users_per_step == "all":
            items = Sample(self._listed(step.users))
            return {"rrd": self.rrd.of_users(step, users), "item_side": self._of_items(step, items)}
        if torch.randint(2, (), generator=self.generator):
            return {"rrd": 2 * self.rrd.of_users(step, users)}
        items = self.rrd.users.draw(self._listed(step.users), len(users.ids))
        return {"item_side": 2 * self._of_items(step, items)}

    def _of_items(self, step: TrainStep, sample: Sample) -> Tensor:
        lists = self.users_of_items.of(sample.ids.cpu(), self.generator)
        losses = relaxed_ranking(*scores_of_user_lists(step, sample.ids, *lists))
        return weighed(step, self.config.item_weight, losses, self.config.reduction, sample=sample)

    def _listed(self, users: Tensor) -> Tensor:
        """(A,) items of the lists of these users."""
        return distinct(torch.cat([rows_of(table, users) for table in (self.rrd.positives, self.rrd.negatives)], 1))


def item_lists(config: IRRRDConfig, context: StageContext) -> RankedLists:
    """The lists of users of every item."""
    split = context.split
    best = top_users(teacher_of(context), split, config.depth)
    sizes = config.item_n_positive, config.item_n_negative
    return RankedLists(best, train_users(split), split.n_users, *sizes, config.item_temperature, config.fixed)
