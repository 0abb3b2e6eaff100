"""Squared error, against ratings or against 1 and 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from rexp.api import Batch, Layout
from rexp.nn.reduction import Reduction, reduce

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class MeanSquaredErrorConfig:
    """Options of :class:`MeanSquaredError`.

    Args:
        reduction: over the scored items of the batch.
        target: ``implicit``: 1 for a positive, 0 for a drawn negative; ``label``: the data's own labels, 1 and 0,
            without drawn negatives; ``rating``: the rating, without negatives.
    """

    reduction: Reduction = "mean"
    target: Literal["implicit", "label", "rating"] = "implicit"


class MeanSquaredError:
    """``(x - y)^2``; ``target`` says what the labels must be."""

    Config: ClassVar[type] = MeanSquaredErrorConfig
    weighted: ClassVar[bool] = True
    layout = Layout.POINTWISE

    def __init__(self, config: MeanSquaredErrorConfig) -> None:
        self.config = config

    def __call__(self, scores: Tensor, batch: Batch) -> Tensor:
        """The loss of ``scores`` (B,)."""
        assert batch.labels is not None
        return reduce((scores - batch.labels).square(), self.config.reduction, batch.log_q, batch.weights)
