"""Collaborative distillation: the teacher's soft labels of items that are drawn by their rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Generator, Tensor

from rexp.api import Requirement
from rexp.compress.distill._base import DistillationStage, Distilling, teacher_of, weighed
from rexp.compress.distill._complement import ROWS_AT_ONCE
from rexp.compress.distill._ranked import take
from rexp.compress.distill._sampling import draw_positions, draw_ranks
from rexp.compress.distill._scores import placed, rows_of, student_scores, teacher_table
from rexp.compress.distill._standardize import Scale, TeacherScale, check_scale
from rexp.compress.distill._step_users import StepUsers, UsersPerStep, check_users_per_step
from rexp.compress.student import Student
from rexp.data.types import PADDING
from rexp.nn.reduction import Reduction  # noqa: TC001  the options are read with their types
from rexp.plugins.options import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexp.api import RecommenderModule, StageContext, TrainStep

EPSILON = 1e-10
FEW = 8
"""Lists so many times as long as what is drawn from them: repeated draws are rare, and draws by rank much cheaper."""


@dataclass(frozen=True)
class CDConfig:
    """Options of :class:`CD`; the defaults are those of public code for BPR.

    Args:
        weight: of the loss.
        n: items that are drawn of each user each epoch.
        depth: N, how many of the best unobserved items they are drawn from.
        temperature: T; of two ranks with probabilities in proportion to exp(-r / (N T)), the better is kept.
        ranked_by: whose best items: the ``teacher``'s, or the ``student``'s of the moment.
        every: epochs between two rankings by the student; the paper ranks in each.
        label_temperature: t_1 of the soft label ``sigmoid((t + t_2) / t_1)``; ``shift`` is t_2.
        scale: of the teacher's scores t, see :class:`rexp.compress.distill._standardize.TeacherScale`.
        scale_depth: of the teacher's best items that ``scale=auto`` standardizes by.
        reduction: that the weight is meant for, over the users of the batch;
            rescaled where the fit's own loss has the other.
        users_per_step: users of a batch that are distilled in a step: ``all``, a number,
            or ``auto``, an eighth as many as the batch has samples, at least 16
            (:class:`rexp.compress.distill._step_users.StepUsers`).
    """

    weight: float = 0.5
    n: int = 2
    depth: int = 3000
    temperature: float = 20.0
    ranked_by: Literal["teacher", "student"] = "student"
    every: int = 5
    label_temperature: float = 2.0
    shift: float = 0.0
    scale: Scale = "auto"
    scale_depth: int = 100
    reduction: Reduction = "sum"
    users_per_step: UsersPerStep = "auto"

    def __post_init__(self) -> None:
        require(self.every >= 1, f"every={self.every} must be 1 or more")
        require(self.n >= 1, f"n={self.n} must be 1 or more")
        require(self.depth >= self.n, f"depth={self.depth} must not be below n={self.n}")
        for key in ("temperature", "label_temperature"):
            require(getattr(self, key) > 0, f"{key}={getattr(self, key)} must be above 0")
        # Below it nothing but the first ranks is drawn, and as many as are wanted never.
        spread = self.depth * self.temperature
        require(spread >= 0.1, f"depth * temperature = {spread:g} must be 0.1 or more")
        require(self.scale_depth >= 2, f"scale_depth={self.scale_depth} must be 2 or more")
        check_scale(self.scale)
        check_users_per_step(self.users_per_step)


class CD(DistillationStage):
    """Collaborative distillation (Lee et al., ICDM 2019)."""

    Config: ClassVar[type] = CDConfig
    config: CDConfig
    needs: frozenset[Requirement] = frozenset({Requirement.TEACHER, Requirement.PAIRS})

    def attach(self, model: RecommenderModule, context: StageContext) -> CDLoss:
        """Ask the teacher for its best items where it guides."""
        return CDLoss(self.config, model, context)


def soft_labels(student: Tensor, teacher: Tensor, scale: float, shift: float) -> Tensor:
    """``-[q ln(sigmoid(s) + 1e-10) + (1 - q) ln(sigmoid(-s) + 1e-10)]`` with ``q = sigmoid((t + shift) / scale)``.

    Args:
        student, teacher: (B, n) logits; -inf, in both, is not there.
        scale, shift: of the soft label.

    Returns:
        (B,)
    """
    there = student != -torch.inf
    ours, wanted = student.where(there, 0.0), ((teacher.where(there, 0.0) + shift) / scale).sigmoid()
    losses = wanted * (ours.sigmoid() + EPSILON).log() + (1 - wanted) * ((-ours).sigmoid() + EPSILON).log()
    return -losses.where(there, 0.0).sum(1)


def better_of_two(sizes: Tensor, depth: int, scale: float) -> Tensor:
    """Log-probability that rank r is the better of two ranks, each drawn in proportion to exp(-r / scale).

    Args:
        sizes: (B,) how many ranks each row has.
        depth: columns of the answer.
        scale: of the decay.

    Returns:
        (B, depth), not normalized; -inf beyond a row's size.
    """
    weights = torch.exp(-torch.arange(depth, dtype=torch.float64) / scale)
    up_to = weights.cumsum(0)
    sums = torch.cat([up_to.new_zeros(1), up_to])[sizes].unsqueeze(1)
    worse = (sums - up_to).clamp(min=0)
    log = (weights * (weights + 2 * worse)).log()
    return log.masked_fill_(torch.arange(depth) >= sizes.unsqueeze(1), -torch.inf).float()


def draw_better(best: Tensor, n: int, scale: float, generator: Generator) -> Tensor:
    """(R, n) int32 of ``best`` (R, depth): pairs are drawn, the better kept, until n are distinct.

    Drawing until n are distinct is drawing without replacement, each in proportion to :func:`better_of_two`, which is
    how it is done where n is no small part of the depth.
    """
    sizes = (best != PADDING).sum(1)
    if len(best) and FEW * n <= int(sizes.min()):
        return take(best, _distinct_ranks(sizes, n, scale, generator))
    blocks = []
    for block in torch.split(best, ROWS_AT_ONCE):
        log_weights = better_of_two((block != PADDING).sum(1), block.shape[1], scale)
        blocks.append(take(block, draw_positions(log_weights, n, generator)))
    return torch.cat(blocks)


def _distinct_ranks(sizes: Tensor, n: int, scale: float, generator: Generator) -> Tensor:
    """(R, n) int64, ascending: the better of two ranks each, drawn again while a row has one twice."""
    ranks = torch.full((len(sizes), n), PADDING)
    for place in range(n):
        rows = torch.arange(len(sizes))
        while len(rows):
            drawn = draw_ranks(sizes[rows], 2, scale, generator).min(1).values
            again = (ranks[rows, :place] == drawn.unsqueeze(1)).any(1)
            ranks[rows[~again], place] = drawn[~again]
            rows = rows[again]
    return ranks.sort(1).values


class CDLoss(Distilling):
    """:func:`soft_labels` over the distinct users of the batch."""

    drawn: Tensor
    wanted: Tensor

    def __init__(self, config: CDConfig, model: RecommenderModule, context: StageContext) -> None:
        super().__init__()
        self.config, self.teacher, self.generator = config, teacher_of(context), context.generator
        self.student = Student(model, context.split)
        self.users = StepUsers(config.users_per_step, context.generator, config.n)
        self.scale = TeacherScale(config.scale, self.teacher, config.scale_depth)
        self.best = self.teacher.top_items(config.depth) if config.ranked_by == "teacher" else None
        # Buffers, so that a fit that goes on between two rankings has them: items of every epoch until the next one.
        shape = (context.split.n_users, config.every * config.n)
        self.register_buffer("drawn", torch.full(shape, PADDING, dtype=torch.int32))
        self.register_buffer("wanted", torch.zeros(shape))

    def on_epoch(self, epoch: int) -> None:
        """Draw the items of every user, when it is time, and look up what the teacher thinks of them."""
        n, turn = self.config.n, (epoch - 1) % self.config.every
        if turn == 0:
            self._draw()
        now = slice(turn * n, (turn + 1) * n)
        self.items, self.targets = self.drawn[:, now].cpu(), self.wanted[:, now].cpu()

    def _draw(self) -> None:
        config = self.config
        best = self.student.top_items(config.depth, catalogue="train") if self.best is None else self.best
        scale = config.depth * config.temperature
        drawn = torch.cat([draw_better(best, config.n, scale, self.generator) for _ in range(config.every)], 1)
        self.drawn.copy_(drawn)
        self.wanted.copy_(self.scale.of(teacher_table(self.teacher, drawn)))

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """The loss ``cd``."""
        sample = self.users.of(step)
        ours = student_scores(step, sample.ids, rows_of(self.items, sample.ids))
        theirs = placed(self.targets, ours.device)[sample.ids].to(ours)
        losses = soft_labels(ours, theirs, self.config.label_temperature, self.config.shift)
        return {"cd": weighed(step, self.config.weight, losses, self.config.reduction, sample=sample)}
