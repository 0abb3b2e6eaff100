"""Losses that each break one rule."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from rexp.api import (
    Layout,
    reduce,
)
from tests.testing.wrong.no_options import NoOptions


class RightLoss:
    """BPR."""

    Config = NoOptions
    layout = Layout.PAIRWISE

    def __init__(self, config: Any) -> None: ...

    def cost(self, scores: Tensor) -> Tensor:
        return -nn.functional.logsigmoid(scores[:, 0] - scores[:, 1])

    def __call__(self, scores: Tensor, batch: Any) -> Tensor:
        return reduce(self.cost(scores), "mean", None if batch.log_q is None else batch.log_q[:, 1])


class OneLossARow(RightLoss):
    """loss.scalar"""

    def __call__(self, scores: Tensor, batch: Any) -> Tensor:
        return self.cost(scores)


class WeightsUnread(RightLoss):
    """loss.weighted"""

    weighted = True


class DetachedPositive(RightLoss):
    """loss.gradient"""

    def cost(self, scores: Tensor) -> Tensor:
        return -nn.functional.logsigmoid(scores[:, 0].detach() - scores[:, 1])


class Overflows(RightLoss):
    """loss.large-scores"""

    def cost(self, scores: Tensor) -> Tensor:
        return (1 + (scores[:, 1] - scores[:, 0]).exp()).log()


class SumUnsaid(RightLoss):
    """loss.reduction"""

    def __call__(self, scores: Tensor, batch: Any) -> Tensor:
        return reduce(self.cost(scores), "sum", None if batch.log_q is None else batch.log_q[:, 1])


class Backwards(RightLoss):
    """loss.prefers-positives"""

    def cost(self, scores: Tensor) -> Tensor:
        return -nn.functional.logsigmoid(scores[:, 1] - scores[:, 0])


class CountsWhatIsMarked(RightLoss):
    """loss.marked"""

    def __call__(self, scores: Tensor, batch: Any) -> Tensor:
        return self.cost(scores).mean()
