"""Soft targets: the teacher's scores, softened by a temperature, as labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Generator, Tensor
from torch.nn import functional as F  # noqa: N812

from rexp.api import Requirement
from rexp.compress.distill._base import DistillationStage, Distilling, teacher_of, weighed
from rexp.compress.distill._complement import Complement
from rexp.compress.distill._relaxed_ranking import ABSENT
from rexp.compress.distill._scores import placed, rows_of, student_scores, teacher_table
from rexp.compress.distill._standardize import Scale, TeacherScale, check_scale
from rexp.compress.distill._step_users import StepUsers, UsersPerStep, check_users_per_step
from rexp.compress.student import Student
from rexp.data.types import PADDING
from rexp.errors import ConfigError
from rexp.nn.reduction import Reduction  # noqa: TC001  the options are read with their types
from rexp.plugins.options import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexp.api import Batch, RecommenderModule, StageContext, TeacherView, TrainStep

MOST_DRAWN = 2**27
"""``random=auto``: items drawn for all users together at most, each with its score: a gigabyte."""


@dataclass(frozen=True)
class KDConfig:
    """Options of :class:`KD`.

    Args:
        mode: ``pointwise``, binary cross entropy on each item of the batch; or ``listwise``, a distribution over a
            list of items of each user.
        weight: of the loss.
        alpha: share of the hard labels in the mix ``alpha hard + (1 - alpha) soft``. The fit's own loss is the hard
            part and counts once, so the soft part is multiplied by ``weight (1 - alpha) / alpha``: the same minimum
            and, for an optimizer that goes by the direction (Adam), the same steps. 0.5 leaves ``weight`` alone.
        temperature: divides both models' scores.
        scale: of the teacher's scores, before the temperature: ``auto`` standardizes them for each user, a number
            divides them, ``none`` leaves them (:class:`rexp.compress.distill._standardize.TeacherScale`).
        squared: multiply by temperature^2, which keeps the size of gradients (Hinton et al. 2015). Recommenders'
            authors leave it out.
        k: items of a list: the best that its owner did not take in training.
        ranked_by: whose best: the ``teacher``'s, or the ``student``'s of the moment, ranked anew each epoch.
        catalogue: of a list: items of the ``train``ing part, or ``all``, so that a teacher that knows cold items
            teaches them.
        random: further items of a list, drawn uniformly from those of the catalog that are neither taken nor among the
            teacher's best: without them a student may score the rest of the catalog as it likes. ``auto`` draws
            three times ``k``, fewer where so many users would have more than :data:`MOST_DRAWN` together, and none
            where the teacher knows the scores of its own lists alone.
        every: epochs between two draws of them, for the teacher scores what is drawn.
        reduction: that the weight is meant for, over the items of the batch, or over the lists;
            rescaled where the fit's own loss has the other.
        users_per_step: of ``mode=listwise``: users of a batch that are distilled in a step: ``all``, a number, or
            ``auto``, an eighth as many as the batch has samples, at least 16
            (:class:`rexp.compress.distill._step_users.StepUsers`).
    """

    mode: Literal["pointwise", "listwise"] = "listwise"
    weight: float = 1.0
    alpha: float = 0.5
    temperature: float = 1.5
    scale: Scale = "auto"
    squared: bool = False
    k: int = 100
    ranked_by: Literal["teacher", "student"] = "teacher"
    catalogue: Literal["train", "all"] = "train"
    random: Literal["auto"] | int = "auto"
    every: int = 5
    reduction: Reduction = "sum"
    users_per_step: UsersPerStep = "auto"

    def __post_init__(self) -> None:
        require(0 < self.alpha <= 1, f"alpha={self.alpha} must be above 0 and at most 1")
        require(self.temperature > 0, f"temperature={self.temperature} must be above 0")
        require(self.k >= 1, f"k={self.k} must be 1 or more")
        fine = isinstance(self.random, str) or self.random >= 0
        require(fine, f"random={self.random} must be 0 or more, or auto")
        require(self.every >= 1, f"every={self.every} must be 1 or more")
        check_scale(self.scale)
        check_users_per_step(self.users_per_step)

    @property
    def factor(self) -> float:
        """Weight of the soft targets."""
        return self.weight * (1 - self.alpha) / self.alpha * (self.temperature**2 if self.squared else 1.0)


class KD(DistillationStage):
    """Soft targets (Hinton et al. 2015), point-wise or list-wise."""

    Config: ClassVar[type] = KDConfig
    config: KDConfig

    def __init__(self, config: KDConfig) -> None:
        super().__init__(config)
        if config.mode == "pointwise" or config.ranked_by == "student" or config.random not in ("auto", 0):
            self.needs = self.needs | {Requirement.PAIRS}

    def attach(self, model: RecommenderModule, context: StageContext) -> Distilling:
        """Ask the teacher for its best items where lists need them."""
        return BatchKD(self.config, context) if self.config.mode == "pointwise" else ListKD(self.config, model, context)


def soft_bce(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """``BCE(sigmoid(s / T), sigmoid(t / T))`` of logits, in their shape."""
    wanted = (teacher / temperature).sigmoid()
    return F.binary_cross_entropy_with_logits(student / temperature, wanted, reduction="none")


def soft_lists(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """``KL(softmax(t / T) || softmax(s / T))`` of every row.

    Args:
        student, teacher: (B, K) logits; -inf, in both, is not there.
        temperature: above 0.

    Returns:
        (B,), 0 for a row without items.
    """
    there = student != -torch.inf
    ours = (student.masked_fill(~there, ABSENT) / temperature).log_softmax(1)
    theirs = (teacher.masked_fill(~there, ABSENT) / temperature).log_softmax(1)
    return (theirs.exp() * (theirs - ours)).where(there, 0.0).sum(1)


def random_items(config: KDConfig, teacher: TeacherView, n_users: int) -> int:
    """The random items of a list, ``auto`` resolved."""
    if not isinstance(config.random, str):
        return config.random
    return 0 if teacher.lists_only else min(3 * config.k, MOST_DRAWN // max(1, n_users))


class BatchKD(Distilling):
    """:func:`soft_bce` over the items of the batch.

    Rows that are taken as they stand, those of click logs, come again each epoch: the teacher's scores are kept.
    """

    def __init__(self, config: KDConfig, context: StageContext) -> None:
        super().__init__()
        self.config, self.teacher = config, teacher_of(context)
        self.scale = TeacherScale(config.scale, self.teacher, config.k)
        self.n_rows, self.kept = len(context.split.train), torch.empty(0)

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """The loss ``kd``."""
        batch = step.batch
        if batch.items.dim() > 2 or not batch.items.numel():
            raise ConfigError(
                "kd with mode=pointwise needs a loss whose batch holds items of users; take mode=listwise"
            )
        wanted = self._of_batch(batch) if batch.rows is None else self._of_rows(batch, batch.rows)
        losses = soft_bce(step.scores, wanted.to(step.scores), self.config.temperature)
        return {"kd": weighed(step, self.config.factor, losses, self.config.reduction, batch.log_q)}

    def _of_batch(self, batch: Batch) -> Tensor:
        """The teacher's scores of the batch's items, scaled, in their shape."""
        users = batch.query.users.cpu()
        features = {name: values.cpu() for name, values in batch.query.features.items()} or None
        return self.scale.of(self.teacher.scores(users, batch.items.cpu(), features), users)

    def _of_rows(self, batch: Batch, rows: Tensor) -> Tensor:
        """The same of rows (B,), kept from one epoch to the next."""
        if not len(self.kept):
            self.kept = torch.full((self.n_rows,), torch.nan)
        wanted = self.kept[rows]
        if wanted.isnan().any():
            self.kept[rows] = wanted = self._of_batch(batch).to(wanted)
        return wanted


class ListKD(Distilling):
    """:func:`soft_lists` over the distinct users of the batch."""

    def __init__(self, config: KDConfig, model: RecommenderModule, context: StageContext) -> None:
        super().__init__()
        self.config, self.teacher, self.generator = config, teacher_of(context), context.generator
        self.student = Student(model, context.split)
        self.n_random = random_items(config, self.teacher, context.split.n_users)
        self.users = StepUsers(config.users_per_step, context.generator, config.k + self.n_random)
        self.scale = TeacherScale(config.scale, self.teacher, config.k)
        self.best = self.teacher.top_items(config.k, catalogue=config.catalogue)
        # The teacher's scores of lists that stay are made once; they are most of the time of a fit else.
        self.wanted = self.scale.of(self.teacher.top_scores(config.k, catalogue=config.catalogue))
        self.others: Complement | None = None
        if self.n_random:
            self.others = Complement(context.split.user_items(["train"]), self.best, context.split.n_items)
            self.outside = torch.from_numpy(~context.split.in_catalogue(config.catalogue))
            # What is drawn follows from this number and the epoch, so that a fit that goes on between two draws has it.
            self.seed = int(torch.randint(2**48, (), generator=context.generator))
        self.turn = -1

    def on_epoch(self, epoch: int) -> None:
        """Make the lists of the epoch, and look up what the teacher thinks of them."""
        config = self.config
        by_teacher = config.ranked_by == "teacher"
        turn = (epoch - 1) // config.every if self.others is not None else 0
        if by_teacher and turn == self.turn:
            return  # the lists are those of the epoch before
        best = self.best if by_teacher else self.student.top_items(config.k, catalogue=config.catalogue)
        parts = [(best, self.wanted) if by_teacher else self._graded(best)]
        if self.others is not None:
            if turn != self.turn:
                items = self.others.draw(self.n_random, Generator().manual_seed(self.seed + turn))
                self.drawn = self._graded(items.masked_fill_(self.outside[items], PADDING))
            parts.append(self.drawn if by_teacher else _beside(best, *self.drawn))
        self.turn = turn
        lists, wanted = zip(*parts, strict=True)
        self.lists, self.targets = torch.cat(lists, 1), torch.cat(wanted, 1)

    def _graded(self, items: Tensor) -> tuple[Tensor, Tensor]:
        return items, self.scale.of(teacher_table(self.teacher, items))

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """The loss ``kd``."""
        sample = self.users.of(step)
        ours = student_scores(step, sample.ids, rows_of(self.lists, sample.ids))
        theirs = placed(self.targets, ours.device)[sample.ids].to(ours)
        losses = soft_lists(ours, theirs, self.config.temperature)
        return {"kd": weighed(step, self.config.factor, losses, self.config.reduction, sample=sample)}


def _beside(best: Tensor, items: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """``items`` (U, K) and what is wanted of them, padding in the place of those that are among ``best`` (U, k)."""
    rows = torch.arange(len(items)).unsqueeze(1) * (2 + int(max(best.max(), items.max())))
    again = torch.isin(rows + items, rows + best)
    return items.masked_fill(again, PADDING), wanted.masked_fill(again, -torch.inf)
