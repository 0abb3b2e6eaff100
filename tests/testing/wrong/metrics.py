"""Metrics that each break one rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.testing.wrong.no_options import NoOptions

if TYPE_CHECKING:
    from torch import Tensor


class RightMetric:
    """Precision."""

    Config = NoOptions
    kind = "users"
    higher_is_better = True

    def __init__(self, config: Any, context: Any) -> None: ...

    def per_user(self, lists: Any, k: int) -> Tensor:
        return lists.hits[:, :k].double().sum(1) / k


class WrongDirection(RightMetric):
    """metric.ideal"""

    higher_is_better = False


class InSinglePrecision(RightMetric):
    """metric.per-user"""

    def per_user(self, lists: Any, k: int) -> Tensor:
        return super().per_user(lists, k).float()


class ReadsBehindTheCut(RightMetric):
    """metric.cut"""

    def per_user(self, lists: Any, k: int) -> Tensor:
        return lists.hits.double().sum(1) / k


class NormalizesByTheBlock(RightMetric):
    """metric.users-apart"""

    def per_user(self, lists: Any, k: int) -> Tensor:
        values = super().per_user(lists, k)
        return values / values.sum().clamp(min=1)


class FlipsItsInput(RightMetric):
    """metric.inputs-kept"""

    def per_user(self, lists: Any, k: int) -> Tensor:
        values = super().per_user(lists, k)
        lists.hits.logical_not_()
        return values
