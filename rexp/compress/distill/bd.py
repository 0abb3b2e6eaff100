"""Bidirectional distillation: teacher and student are trained together and teach each other where they disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from rexp.api import Capability, Requirement
from rexp.compress.distill._base import DistillationStage, Distilling, weighed
from rexp.compress.distill._scores import student_scores
from rexp.compress.student import Student
from rexp.data.types import PADDING
from rexp.errors import ConfigError
from rexp.nn.reduction import Reduction  # noqa: TC001  the options are read with their types
from rexp.plugins.options import require
from rexp.train.stage_hooks import queries_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Generator

    from rexp.api import RecommenderModule, StageContext, TrainStep


@dataclass(frozen=True)
class BDConfig:
    """Options of :class:`BD`; the defaults are those of the authors' code for BPR on CiteULike.

    Args:
        student_weight: of what the teacher teaches the student.
        teacher_weight: of what the student teaches the teacher; 0 teaches one way.
        temperature: divides the scores that become labels.
        samples: items of a row of the batch, for each direction.
        student_scale: epsilon of the draws for the student, ``tanh(max(0, epsilon (rank_t - rank_s)))``.
        teacher_scale: epsilon of the draws for the teacher, ``exp(epsilon (rank_t - rank_s))`` of the other way round.
        every: epochs between two rankings of the catalogue by both.
        pool_size: items that are drawn of each user at each ranking; rows of the batch take theirs from these.
        reduction: that the weight is meant for, over the rows of the batch, each of them the sum over its samples;
            rescaled where the fit's own loss has the other.
    """

    student_weight: float = 0.5
    teacher_weight: float = 0.5
    temperature: float = 5.0
    samples: int = 1
    student_scale: float = 0.01
    teacher_scale: float = 0.0001
    every: int = 10
    pool_size: int = 200
    reduction: Reduction = "sum"

    def __post_init__(self) -> None:
        require(self.temperature > 0, f"temperature={self.temperature} must be above 0")
        for key in ("samples", "every", "pool_size"):
            require(getattr(self, key) >= 1, f"{key}={getattr(self, key)} must be 1 or more")


class BD(DistillationStage):
    """Bidirectional distillation (Kweon et al., WWW 2021).

    The authors' notebook takes the drawn item as the negative of the pair-wise loss too; here the fit's own sampler
    draws that one.
    """

    Config: ClassVar[type] = BDConfig
    needs: frozenset[Requirement] = frozenset({Requirement.ONLINE})
    config: BDConfig

    def attach(self, model: RecommenderModule, context: StageContext) -> BDLoss:
        """Attach the online teacher to the student's fit.

        Raises:
            ConfigError: they cannot be trained on the same batches.
        """
        return BDLoss(self.config, model, context)


def overrated(own: Tensor, other: Tensor) -> Tensor:
    """Rank difference of each item between two models, positive where the first ranks it higher.

    Args:
        own, other: (B, I) scores; -inf is not ranked and comes out as -inf.
    """
    differences = (_places(own) - _places(other)).float()
    return differences.masked_fill_(own.isneginf(), -torch.inf)


def draw_with(weights: Tensor, n: int, generator: Generator) -> Tensor:
    """(B, n) int32 columns drawn with replacement in proportion to ``weights`` (B, I); -1 in a row that has none."""
    empty = weights.sum(1, keepdim=True) <= 0
    columns = torch.multinomial(weights + empty, n, replacement=True, generator=generator)
    return columns.int().masked_fill_(empty, PADDING)


class BDLoss(Distilling):
    """Binary cross-entropy of each model's scores with the other's softened ones, and the teacher's own objective.

    The teacher's parameters are trained with the student's, at the same rate.
    """

    for_student: Tensor
    for_teacher: Tensor

    def __init__(self, config: BDConfig, model: RecommenderModule, context: StageContext) -> None:
        super().__init__()
        if context.online is None:
            raise ConfigError("bd needs a teacher that learns beside its student; choose one with model@teacher=NAME")
        _check_pair(model, context.online)
        self.config, self.generator, self.teacher = config, context.generator, context.online
        self.both = Student(model, context.split), Student(self.teacher, context.split)
        self.queries = queries_of(self.teacher, context.split)
        # Buffers, so that a fit that goes on between two rankings has them.
        empty = torch.full((context.split.n_users, config.pool_size), PADDING, dtype=torch.int32)
        self.register_buffer("for_student", empty)
        self.register_buffer("for_teacher", empty.clone())

    def on_epoch(self, epoch: int) -> None:
        """Rank the catalogue by both models anew, when it is time, and draw where they disagree."""
        if (epoch - 1) % self.config.every:
            return
        student, teacher = self.both
        for (users, ours), (_, theirs) in zip(student.catalog(), teacher.catalog(), strict=True):
            places = overrated(ours, theirs)
            towards = torch.tanh((self.config.student_scale * places).clamp(min=0))
            exponents = (-self.config.teacher_scale * places).masked_fill_(places.isneginf(), -torch.inf)
            back = exponents.softmax(1).nan_to_num(0)  # in proportion to their exponentials, which may overflow
            self.for_student[users] = draw_with(towards, self.config.pool_size, self.generator).to(
                self.for_student.device
            )
            self.for_teacher[users] = draw_with(back, self.config.pool_size, self.generator).to(self.for_teacher.device)

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """The losses ``student``, ``teacher`` and ``teacher_objective``."""
        users, config = step.batch.query.users, self.config
        learned, taught = (self._pick(table, users) for table in (self.for_student, self.for_teacher))
        losses = {"teacher_objective": step.objective(self.teacher)}
        # Each model is asked once for both directions.
        items = torch.cat([learned, taught], 1)
        ours, theirs = student_scores(step, users, items), self._teacher_scores(users, items)
        ours_learned, ours_taught = torch.split(ours, config.samples, 1)
        theirs_learned, theirs_taught = torch.split(theirs, config.samples, 1)
        learning = _cross_entropy(ours_learned, self._soft(theirs_learned.detach()))
        losses["student"] = weighed(step, config.student_weight, learning, config.reduction)
        if config.teacher_weight:
            teaching = _cross_entropy(theirs_taught, self._soft(ours_taught.detach()))
            losses["teacher"] = weighed(step, config.teacher_weight, teaching, config.reduction)
        return losses

    def _pick(self, table: Tensor, users: Tensor) -> Tensor:
        """(B, samples) int64 of what was drawn for these users."""
        places = torch.randint(self.config.pool_size, (len(users), self.config.samples), generator=self.generator)
        return table[users.unsqueeze(1), places.to(users.device)].long()

    def _teacher_scores(self, users: Tensor, items: Tensor) -> Tensor:
        scores: Tensor = self.teacher.score(self.queries(users), items.clamp(min=0))
        return scores.masked_fill(items == PADDING, -torch.inf)

    def _soft(self, scores: Tensor) -> Tensor:
        return torch.sigmoid(scores / self.config.temperature)


def _cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """(B,) sums over each row of logits (B, K); -inf is not there."""
    there = scores != -torch.inf
    losses = F.binary_cross_entropy_with_logits(scores.where(there, 0.0), labels, reduction="none")
    return losses.where(there, 0.0).sum(1)


def _places(scores: Tensor) -> Tensor:
    """(B, I) places from the bottom: 0 is the lowest score."""
    order = scores.argsort(dim=1)
    return torch.empty_like(order).scatter_(1, order, torch.arange(scores.shape[1]).expand_as(order))


def _check_pair(student: RecommenderModule, teacher: RecommenderModule) -> None:
    own, its = student.capabilities(), teacher.capabilities()
    if Capability.CLOSED_FORM in its:
        raise ConfigError("a teacher that is fitted in closed form cannot learn beside its student; take kd instead")
    unlike = (own ^ its) & {Capability.OWN_LOSS, Capability.SCORES_SEQUENCES}
    unlike |= (its - own) & {Capability.SEQUENTIAL}  # the student's batches have no history for it
    if unlike:
        raise ConfigError(
            f"{type(student).__name__} and {type(teacher).__name__} are trained on different batches "
            f"({', '.join(sorted(unlike))}), and so cannot learn from each other; take kd instead"
        )
