"""The TOP1 loss of GRU4Rec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from rexp.api import Batch, Layout, Reduction, reduce


@dataclass(frozen=True)
class Top1Config:
    """Options of :class:`Top1`.

    Args:
        regularization: weight of the term that keeps scores of negatives near 0.
        reduction: over the pairs of a batch.
    """

    regularization: float = 1.0
    reduction: Reduction = "mean"


class Top1:
    """``sigmoid(s_n - s_p) + sigmoid(s_n²)`` of a positive p and a negative n (Hidasi et al., ICLR 2016)."""

    Config: ClassVar[type] = Top1Config
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)
    layout: ClassVar[Layout] = Layout.PAIRWISE

    def __init__(self, config: Top1Config) -> None:
        self.config = config

    def __call__(self, scores: Tensor, batch: Batch) -> Tensor:
        """The scalar loss of ``scores`` (B, 2): positive, negative."""
        positive, negative = scores.unbind(1)
        losses = (negative - positive).sigmoid() + self.config.regularization * negative.square().sigmoid()
        # A pair whose negative must not count is marked by +inf there; reduce leaves it out.
        return reduce(losses, self.config.reduction, None if batch.log_q is None else batch.log_q[:, 1])
