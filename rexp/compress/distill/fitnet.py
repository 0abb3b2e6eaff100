"""Hints: the student's vectors, through a projection that is trained and dropped, are to be the teacher's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor, nn

from rexp.api import Need
from rexp.compress.distill.experts import squared_distance
from rexp.compress.distill.linear import linear
from rexp.compress.distill.stage import DistillationStage, Distilling, in_terms_of, require, teacher_of
from rexp.compress.distill.vectors import pair_of_vectors, sizes
from rexp.losses.reduction import Reduction, reduce

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Generator

    from rexp.api import StageContext, Step


@dataclass(frozen=True)
class FitNetConfig:
    """Options of :class:`FitNet`.

    Args:
        weight: of the loss.
        hidden: size of the projection's hidden layer (ReLU); 0 makes it linear.
        reduction: over users, and over items of the batch, each of them once.
    """

    weight: float = 0.01
    hidden: int = 0
    reduction: Reduction = "sum"

    def __post_init__(self) -> None:
        require(self.hidden >= 0, f"hidden={self.hidden} must not be negative")


class FitNet(DistillationStage):
    """Hints (Romero et al., ICLR 2015: FitNets), for the vectors of users and items."""

    Config: ClassVar[type] = FitNetConfig
    config: FitNetConfig
    needs = frozenset({Need.TEACHER, Need.VECTORS})

    def attach(self, model: nn.Module, context: StageContext) -> FitNetLoss:
        """Build the projection of each side."""
        return FitNetLoss(self.config, model, context)


class FitNetLoss(Distilling):
    """``sum |t - P(s)|^2`` over the distinct users and items of the batch."""

    def __init__(self, config: FitNetConfig, model: nn.Module, context: StageContext) -> None:
        super().__init__()
        self.config, self.teacher = config, teacher_of(context)
        users, items = sizes(model, context)
        self.of_users = projection(*users, config.hidden, context.generator)
        self.of_items = projection(*items, config.hidden, context.generator)

    def loss(self, step: Step) -> Mapping[str, Tensor]:
        """The loss ``fitnet``."""
        users, taught_users = pair_of_vectors(step, self.teacher, "user", step.users)
        items, taught_items = pair_of_vectors(step, self.teacher, "item", step.items)
        of_users = reduce(squared_distance(taught_users, self.of_users(users)), self.config.reduction)
        of_items = reduce(squared_distance(taught_items, self.of_items(items)), self.config.reduction)
        return {"fitnet": in_terms_of(step, self.config.reduction) * self.config.weight * (of_users + of_items)}


def projection(size_in: int, size_out: int, hidden: int, generator: Generator) -> nn.Module:
    """A linear layer, or a network with one hidden layer."""
    if not hidden:
        return linear(size_in, size_out, generator)
    return nn.Sequential(linear(size_in, hidden, generator), nn.ReLU(), linear(hidden, size_out, generator))
