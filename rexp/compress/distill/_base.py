"""Base classes of distillation stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from torch import Tensor, nn

from rexp.api import Requirement
from rexp.errors import ConfigError
from rexp.nn.reduction import Reduction, reduce

if TYPE_CHECKING:
    from rexp.api import StageContext, TeacherView, TrainStep
    from rexp.compress.distill._step_users import Sample


class DistillationStage:
    """The facts that hold for all of them: they act inside a fit, ask a teacher, and leave the model as it is."""

    phase: ClassVar[Literal["train"]] = "train"
    needs: frozenset[Requirement] = frozenset({Requirement.TEACHER})
    trainable_after: ClassVar[bool] = True
    modules: ClassVar[Mapping[str, type]] = {}

    def __init__(self, config: Any) -> None:
        self.config = config


class Distilling(nn.Module):
    """A stage at work: a loss, and nothing to do at the other occasions unless it says so."""

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """Weighted loss terms of this step, by name."""
        raise NotImplementedError

    def after_step(self) -> None:
        """No-op: distillation leaves the model untouched."""

    def on_epoch(self, epoch: int) -> None:
        """No-op: nothing depends on the epoch."""

    def finish(self) -> None:
        """No-op: auxiliary modules are discarded with the hook."""


def teacher_of(context: StageContext) -> TeacherView:
    """The teacher.

    Raises:
        ConfigError: there is none.
    """
    if context.teacher is None:
        raise ConfigError("distillation needs a teacher; choose one with model@teacher=NAME or teacher.from=RUN")
    return context.teacher


def in_terms_of(step: TrainStep, reduction: Reduction) -> float:
    """Scale factor that keeps a distillation loss comparable to the fit's own loss.

    Published weights belong to sums or to means, of the one loss as of the other; where the fit's own loss is reduced
    otherwise, both differ by the size of the batch.

    Args:
        step: of the fit.
        reduction: the one that the weight was published for.
    """
    size = len(step.batch.query.users)
    if step.sums == (reduction == "sum"):
        return 1.0
    return float(size) if step.sums else 1 / size


def weighed(
    step: TrainStep,
    weight: float,
    losses: Tensor,
    reduction: Reduction,
    log_q: Tensor | None = None,
    sample: Sample | None = None,
) -> Tensor:
    """The part of the loss that ``losses``, one an example, come to; see :func:`in_terms_of`.

    Args:
        step: of the fit.
        weight: of the loss.
        losses: one an example.
        reduction: the one that the weight was published for.
        log_q: in the shape of the losses; +inf marks one that must not count.
        sample: whose losses they are, where they stand for others too.
    """
    if not losses.numel():  # of a batch without items, say, whose mean would be no number
        return losses.sum()
    factor = 1.0 if sample is None else sample.factor(reduction)
    return in_terms_of(step, reduction) * weight * factor * reduce(losses, reduction, log_q)
