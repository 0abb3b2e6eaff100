"""Sampled softmax: a positive against its negatives, corrected for how they were drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch.nn import functional as F  # noqa: N812

from rexp.api import Batch, Layout
from rexp.nn.reduction import Reduction, reduce

if TYPE_CHECKING:
    from torch import Tensor

FEW = 8
"""Up to so many columns logsumexp is faster than a softmax; of wide lists with -inf it takes six times as long."""


@dataclass(frozen=True)
class SampledSoftmaxConfig:
    """Options of :class:`SampledSoftmax`.

    Args:
        reduction: over the rows of the batch.
        temperature: divides the scores.
    """

    reduction: Reduction = "mean"
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError(f"temperature={self.temperature} must be above 0")


class SampledSoftmax:
    """``-log softmax(x / temperature - log q)`` of the positive (logQ: Bengio & Senécal 2008; Yi et al. 2019).

    Uniform draws need no correction; an item of log q = +inf is left out of the softmax.
    """

    Config: ClassVar[type] = SampledSoftmaxConfig
    layout = Layout.LISTWISE
    weighted: ClassVar[bool] = True

    def __init__(self, config: SampledSoftmaxConfig) -> None:
        self.config = config

    def __call__(self, scores: Tensor, batch: Batch) -> Tensor:
        """The loss of ``scores`` (B, 1 + N), the positive first."""
        logits = scores if self.config.temperature == 1 else scores / self.config.temperature
        if batch.log_q is not None:
            logits = logits - batch.log_q
        return reduce(_of_first(logits), self.config.reduction, weights=batch.weights)


def _of_first(logits: Tensor) -> Tensor:
    """(B,) ``-log softmax`` of the first column of ``logits`` (B, 1 + N)."""
    if logits.shape[1] <= FEW:
        return logits.logsumexp(1) - logits[:, 0]
    first = torch.zeros(len(logits), dtype=torch.int64, device=logits.device)
    return F.cross_entropy(logits, first, reduction="none")
