"""Bayesian personalized ranking: a positive above a negative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch.nn import functional as F  # noqa: N812

from rexp.api import Batch, Layout
from rexp.nn.reduction import Reduction, reduce

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class BPRConfig:
    """Options of :class:`BPR`.

    Args:
        reduction: over the pairs of the batch; papers differ in it (LightGCN means, FTD and DE-RRD sum).
    """

    reduction: Reduction = "mean"


class BPR:
    """``-log s(x_positive - x_negative)`` (Rendle et al., UAI 2009)."""

    Config: ClassVar[type] = BPRConfig
    layout = Layout.PAIRWISE
    weighted: ClassVar[bool] = True

    def __init__(self, config: BPRConfig) -> None:
        self.config = config

    def __call__(self, scores: Tensor, batch: Batch) -> Tensor:
        """The loss of ``scores`` (B, 2): positive, negative."""
        losses = -F.logsigmoid(scores[:, 0] - scores[:, 1])
        log_q = None if batch.log_q is None else batch.log_q[:, 1]
        return reduce(losses, self.config.reduction, log_q, batch.weights)
