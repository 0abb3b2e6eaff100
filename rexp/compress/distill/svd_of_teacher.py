"""A student in closed form: the best factors of the teacher's scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from rexp.api import Requirement
from rexp.api.model import COUPLED_PARAMETERS
from rexp.compress.distill._base import teacher_of
from rexp.compress.distill._score_svd import ScoreMatrix, truncated_svd
from rexp.compress.distill._standardize import divisor
from rexp.compress.student import hide_train
from rexp.errors import ConfigError, RunError
from rexp.nn.coupling import DotCoupling
from rexp.nn.embedding import EmbeddingTable
from rexp.plugins.options import require

if TYPE_CHECKING:
    from rexp.api import StageContext


@dataclass(frozen=True)
class SVDOfTeacherConfig:
    """Options of :class:`SVDOfTeacher`.

    Args:
        standardise: of every user's scores: ``none``; ``scale`` divides by their standard deviation; ``full`` takes
            their mean away first. Each user's order stays what it was, but no user outweighs the others.
        seen: ``teacher`` takes the teacher's scores of a user's training items as they are; ``mean`` puts the mean of
            the user's other scores there, which asks for the order of what is new to the user and nothing else.
        factor: of all scores in the end, for a fit that follows: the size of its logits.
        user_share: power of the singular values that users' vectors take; items' take the rest.
        iterations: times that the random directions are multiplied by S^T S; more are more exact.
        oversampling: random directions beyond the student's factors.
        max_bytes: of scores that are kept; more are asked of the teacher anew in each iteration.
    """

    standardise: Literal["none", "scale", "full"] = "scale"
    seen: Literal["teacher", "mean"] = "teacher"
    factor: float = 1.0
    user_share: float = 0.5
    iterations: int = 4
    oversampling: int = 16
    max_bytes: int = 1_073_741_824

    def __post_init__(self) -> None:
        require(self.factor > 0, f"factor={self.factor} must be above 0")
        require(0 <= self.user_share <= 1, f"user_share={self.user_share} must be from 0 to 1")
        require(self.iterations >= 1, f"iterations={self.iterations} must be 1 or more")
        require(self.oversampling >= 0, f"oversampling={self.oversampling} must not be negative")
        require(self.max_bytes >= 0, f"max_bytes={self.max_bytes} must not be negative")


class SVDOfTeacher:
    """The student whose scores are nearest to the teacher's, all users and items counting alike (Eckart and Young,
    1936): ``U S^a`` and ``V S^(1 - a)`` of the truncated singular value decomposition of the teacher's score matrix.

    Biases become 0, and so do the vectors of items that nobody took in training, which teachers know nothing of. A fit
    may follow, and none need.
    """

    Config: ClassVar[type] = SVDOfTeacherConfig
    phase: ClassVar[Literal["build"]] = "build"
    needs: frozenset[Requirement] = frozenset({Requirement.TEACHER, Requirement.PAIRS, Requirement.DOT})
    trainable_after: ClassVar[bool] = True
    fits: ClassVar[bool] = True
    modules: ClassVar[Mapping[str, type]] = {}

    def __init__(self, config: SVDOfTeacherConfig) -> None:
        self.config = config

    @torch.no_grad()
    def apply(self, model: nn.Module, context: StageContext) -> None:
        """Write the student's tables.

        Raises:
            ConfigError: another stage took the place of a table.
            RunError: scores that are not finite.
        """
        config, split = self.config, context.split
        (reader,) = COUPLED_PARAMETERS.of(model)()
        assert isinstance(reader, DotCoupling)  # as Requirement.DOT says
        users, items = _table(model, reader.users), _table(model, reader.items)
        first, behind = reader.columns
        matrix = ScoreMatrix(split.n_users, split.n_items, Targets(config, context), config.max_bytes)
        left, values, right = truncated_svd(
            matrix,
            behind - first,
            iterations=config.iterations,
            oversampling=config.oversampling,
            generator=context.generator,
        )
        values = config.factor * values
        for parameter in model.parameters():
            parameter.zero_()
        if reader.weight is not None:
            model.get_parameter(reader.weight).fill_(1.0)
        users.weight[:, first : first + len(values)] = left * values**config.user_share
        items.weight[:, first : first + len(values)] = right * values ** (1 - config.user_share)


class Targets:
    """Rows of the matrix that is factorized: the teacher's scores, as the options want them."""

    def __init__(self, config: SVDOfTeacherConfig, context: StageContext) -> None:
        self.config, self.split, self.teacher = config, context.split, teacher_of(context)
        self.known = torch.from_numpy(self.split.train_users_per_item > 0)

    def __call__(self, users: Tensor) -> Tensor:
        """(B, I) float32 for ``users`` (B,), one after another."""
        scores = self.teacher.score_all(users).float()
        if not bool(scores[:, self.known].isfinite().all()):
            raise RunError("the teacher gives scores that are not finite; look at its training loss")
        counted = self.known.expand(scores.shape)
        if self.config.seen == "mean":
            counted = counted & ~hide_train(torch.zeros_like(scores), users, self.split).isneginf()
        sizes = counted.sum(1, keepdim=True).clamp(min=1)
        means = torch.where(counted, scores, 0.0).sum(1, keepdim=True) / sizes
        scores = torch.where(counted, scores, means)
        if self.config.standardise != "none":
            deviations = ((scores - means).square().sum(1, keepdim=True) / sizes).sqrt()
            deviations = divisor(deviations, scores.abs().amax(1, keepdim=True))
            scores = scores - means if self.config.standardise == "full" else scores
            scores = scores / deviations
        return scores * self.known


def _table(model: nn.Module, path: str) -> EmbeddingTable:
    table = model.get_submodule(path)
    if not isinstance(table, EmbeddingTable):
        raise ConfigError(
            f"svd_of_teacher writes dense tables, and '{path}' is a {type(table).__name__} by then; "
            "leave the stage before it out, or make the tables smaller after it"
        )
    return table
