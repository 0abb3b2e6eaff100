"""Relaxed ranking distillation: the teacher's order of what it finds interesting, above the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from rexp.compress.distill._base import DistillationStage, Distilling, teacher_of, weighed
from rexp.compress.distill._ranked import RankedLists
from rexp.compress.distill._relaxed_ranking import relaxed_ranking
from rexp.compress.distill._scores import scores_of_lists
from rexp.compress.distill._step_users import StepUsers, UsersPerStep, check_users_per_step
from rexp.nn.reduction import Reduction  # noqa: TC001  the options are read with their types
from rexp.plugins.options import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from rexp.api import StageContext, TrainStep
    from rexp.compress.distill._step_users import Sample

COST = 1.5
"""What an item of a relaxed ranking costs, in scored items: the running sums take half as long as the score."""


@dataclass(frozen=True)
class RRDConfig:
    """Options of :class:`RRD`; the defaults are the authors' for BPR on CiteULike.

    Args:
        weight: of the loss. It belongs to the sums: another one is needed where K, L or the reduction differ.
        n_positive: K, items that are drawn of the teacher's best each epoch.
        n_negative: L, items that are drawn uniformly from the others each epoch.
        depth: how many of the teacher's best unobserved items the K are drawn from.
        catalogue: of these: items of the ``train``ing part, or ``all``, so that a teacher that knows cold items teaches
            them.
        temperature: rank r is drawn with a probability in proportion to exp(-r / temperature).
        fixed: take the first K and draw none; the authors later found it better (README of HetComp, WWW 2023).
        reduction: that the weight is meant for, over the users of the batch;
            rescaled where the fit's own loss has the other.
        users_per_step: users of a batch that are distilled in a step: ``all``, a number,
            or ``auto``, an eighth as many as the batch has samples, at least 16
            (:class:`rexp.compress.distill._step_users.StepUsers`).
    """

    weight: float = 0.001
    n_positive: int = 40
    n_negative: int = 40
    depth: int = 500
    catalogue: Literal["train", "all"] = "train"
    temperature: float = 10.0
    fixed: bool = False
    reduction: Reduction = "sum"
    users_per_step: UsersPerStep = "auto"

    def __post_init__(self) -> None:
        require(self.n_positive >= 1, f"n_positive={self.n_positive} must be 1 or more")
        require(self.n_negative >= 1, f"n_negative={self.n_negative} must be 1 or more")
        require(self.depth >= self.n_positive, f"depth={self.depth} must not be below n_positive={self.n_positive}")
        require(self.temperature > 0, f"temperature={self.temperature} must be above 0")
        check_users_per_step(self.users_per_step)


class RRD(DistillationStage):
    """Relaxed ranking distillation (Kang et al., CIKM 2020: DE-RRD)."""

    Config: ClassVar[type] = RRDConfig
    config: RRDConfig

    def attach(self, model: nn.Module, context: StageContext) -> RRDLoss:
        """Ask the teacher for its best items."""
        return RRDLoss(self.config, context)


class RRDLoss(Distilling):
    """:func:`relaxed_ranking` over the distinct users of a batch.

    Args:
        config: of the stage.
        context: of the fit.
        beside: items that a stage scores for each user beside these lists.
    """

    def __init__(self, config: RRDConfig, context: StageContext, beside: int = 0) -> None:
        super().__init__()
        self.config, self.generator = config, context.generator
        self.lists = user_lists(config, context)
        length = round(COST * (config.n_positive + config.n_negative + beside))
        self.users = StepUsers(config.users_per_step, context.generator, length)

    def on_epoch(self, epoch: int) -> None:
        """Draw both lists of every user."""
        self.positives, self.negatives = self.lists.draw(self.generator)

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """The loss ``rrd``."""
        return {"rrd": self.of_users(step, self.users.of(step))}

    def of_users(self, step: TrainStep, sample: Sample) -> Tensor:
        """The loss of these users."""
        first, others = scores_of_lists(step, sample.ids, self.positives, self.negatives)
        losses = relaxed_ranking(first, others)
        return weighed(step, self.config.weight, losses, self.config.reduction, sample=sample)


def user_lists(config: RRDConfig, context: StageContext) -> RankedLists:
    """The lists of items of every user."""
    split = context.split
    best = teacher_of(context).top_items(config.depth, catalogue=config.catalogue)
    held = split.user_items(["train"])
    sizes = config.n_positive, config.n_negative
    return RankedLists(best, held, split.n_items, *sizes, config.temperature, config.fixed)
