"""Hints: the student's vectors, through a projection that is trained and dropped, are to be the teacher's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor, nn

from rexp.api import Requirement
from rexp.compress.distill._base import DistillationStage, Distilling, teacher_of, weighed
from rexp.compress.distill._experts import squared_distance
from rexp.compress.distill._layers import linear
from rexp.compress.distill._step_users import StepUsers, UsersPerStep, check_users_per_step
from rexp.compress.distill._vectors import Side, pair_of_vectors, sizes
from rexp.nn.reduction import Reduction  # noqa: TC001  the options are read with their types
from rexp.plugins.options import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Generator

    from rexp.api import StageContext, TrainStep
    from rexp.compress.distill._step_users import Sample


@dataclass(frozen=True)
class FitNetConfig:
    """Options of :class:`FitNet`.

    Args:
        weight: of the loss.
        hidden: size of the projection's hidden layer (ReLU); 0 makes it linear.
        reduction: that the weight is meant for, over users, and over items of the batch, each of them once;
            rescaled where the fit's own loss has the other.
        users_per_step: how many users and items of a batch are distilled in a step, the same share of both, together
            twice as many: ``all``, a number, or ``auto``, an eighth as many as the batch has samples, at least 16
            (:meth:`rexp.compress.distill._step_users.StepUsers.entities`).
    """

    weight: float = 0.01
    hidden: int = 0
    reduction: Reduction = "sum"
    users_per_step: UsersPerStep = "auto"

    def __post_init__(self) -> None:
        require(self.hidden >= 0, f"hidden={self.hidden} must not be negative")
        check_users_per_step(self.users_per_step)


class FitNet(DistillationStage):
    """Hints (Romero et al., ICLR 2015: FitNets), for the vectors of users and items."""

    Config: ClassVar[type] = FitNetConfig
    config: FitNetConfig
    needs = frozenset({Requirement.TEACHER, Requirement.VECTORS})

    def attach(self, model: nn.Module, context: StageContext) -> FitNetLoss:
        """Build the projection of each side."""
        return FitNetLoss(self.config, model, context)


class FitNetLoss(Distilling):
    """``sum |t - P(s)|^2`` over the distinct users and items of the batch."""

    def __init__(self, config: FitNetConfig, model: nn.Module, context: StageContext) -> None:
        super().__init__()
        self.config, self.teacher = config, teacher_of(context)
        self.entities = StepUsers(config.users_per_step, context.generator)
        users, items = sizes(model, context)
        self.of_users = projection(*users, config.hidden, context.generator)
        self.of_items = projection(*items, config.hidden, context.generator)

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """The loss ``fitnet``."""
        users, items = self.entities.entities(step)
        return {"fitnet": self._of(step, "user", users, self.of_users) + self._of(step, "item", items, self.of_items)}

    def _of(self, step: TrainStep, side: Side, sample: Sample, projection: nn.Module) -> Tensor:
        student, taught = pair_of_vectors(step, self.teacher, side, sample.ids)
        losses = squared_distance(taught, projection(student))
        return weighed(step, self.config.weight, losses, self.config.reduction, sample=sample)


def projection(size_in: int, size_out: int, hidden: int, generator: Generator) -> nn.Module:
    """A linear layer, or a network with one hidden layer."""
    if not hidden:
        return linear(size_in, size_out, generator)
    return nn.Sequential(linear(size_in, hidden, generator), nn.ReLU(), linear(hidden, size_out, generator))
