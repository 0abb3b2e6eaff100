"""Distillation of the margins between items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn

from rexp.api import RecommenderModule, Requirement, StageContext, TeacherView, TrainStep


@dataclass(frozen=True)
class MarginMSEConfig:
    """Options of :class:`MarginMSE`.

    Args:
        weight: of the distillation loss beside the fit's own.
    """

    weight: float = 1.0


class MarginMSE:
    """``((s_i - s_j) - (t_i - t_j))²``: by how much, not how high (Margin-MSE, Hofstätter et al., arXiv:2010.02666)."""

    Config: ClassVar[type] = MarginMSEConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)
    phase: ClassVar[Literal["train"]] = "train"
    needs: frozenset[Requirement] = frozenset({Requirement.TEACHER})
    trainable_after: ClassVar[bool] = True
    modules: ClassVar[Mapping[str, type]] = {}

    def __init__(self, config: MarginMSEConfig) -> None:
        self.config = config

    def attach(self, model: RecommenderModule, context: StageContext) -> Margins:
        assert context.teacher is not None  # rexp has seen to what the stage needs
        return Margins(context.teacher, self.config.weight)


class Margins(nn.Module):
    def __init__(self, teacher: TeacherView, weight: float) -> None:
        super().__init__()
        self.teacher, self.weight = teacher, weight

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """The items of the step, two by two, for each of its users."""
        items = step.items[: len(step.items) // 2 * 2].expand(len(step.users), -1)
        own = step.score(step.users, items)
        off = own - self.teacher.scores(step.users, items).to(own)  # a teacher answers on the CPU
        return {"margin_mse": self.weight * (off[:, ::2] - off[:, 1::2]).square().mean()}

    def after_step(self) -> None: ...
    def on_epoch(self, epoch: int) -> None: ...
    def finish(self) -> None: ...
