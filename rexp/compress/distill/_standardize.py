"""The scale of a teacher's scores: of a dot product, of a probability, of a regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from rexp.plugins.options import require

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.api import TeacherView

Scale = Literal["auto", "none"] | float
ROUNDING = 1e-6
"""Standard deviations below this share of the largest score are of equal scores, but for their rounding."""


class TeacherScale:
    """Brings a teacher's scores to the scale on which a temperature of 1 means something.

    Scores of EASE differ by hundredths, those of a dot product by units: a softmax over the first is uniform and
    teaches which items are in the list, but not their order.

    Args:
        scale: ``auto`` subtracts the mean of the scores of the user's k best items and divides by their standard
            deviation; a number divides all scores; ``none`` leaves them as they are.
        teacher: whose scores they are.
        k: items of a user that ``auto`` looks at.
    """

    def __init__(self, scale: Scale, teacher: TeacherView, k: int) -> None:
        self.divisor = 1.0 if isinstance(scale, str) else scale
        self.mean: Tensor | None = None
        if scale == "auto":
            self.mean, self.deviation = moments(teacher.top_scores(k))

    def of(self, scores: Tensor, users: Tensor | None = None) -> Tensor:
        """Scaled scores.

        Args:
            scores: (U, K), or those of ``users``, (B,) or (B, K); -inf stays.
            users: (B,) int64; None for all, in their order.
        """
        if self.mean is None:
            return scores / self.divisor
        mean, deviation = (row if users is None else row[users] for row in (self.mean, self.deviation))
        if scores.dim() == 2:
            mean, deviation = mean.unsqueeze(1), deviation.unsqueeze(1)
        return (scores - mean) / deviation


def moments(scores: Tensor) -> tuple[Tensor, Tensor]:
    """(U,) mean and standard deviation of each row's scores; -inf is not there. The deviation of equal scores is 1.

    >>> moments(torch.tensor([[3.0, 1.0, -torch.inf], [2.0, 2.0, 2.0]]))
    (tensor([2., 2.]), tensor([1., 1.]))
    """
    there = scores != -torch.inf
    counts = there.sum(1).clamp(min=1)
    mean = scores.where(there, 0.0).sum(1) / counts
    deviation = ((scores - mean.unsqueeze(1)).where(there, 0.0).square().sum(1) / counts).sqrt()
    return mean, divisor(deviation, scores.where(there, 0.0).abs().amax(1))


def divisor(deviation: Tensor, largest: Tensor) -> Tensor:
    """Standard deviations of scores whose ``largest`` magnitude is known, 1 where the scores are equal."""
    return deviation.where(deviation > ROUNDING * largest, 1.0)


def check_scale(scale: Scale) -> None:
    """Refuse a number that is not above 0.

    Raises:
        ValueError: naming the option.
    """
    fine = isinstance(scale, str) or 0 < scale < float("inf")
    require(fine, f"scale={scale} must be a number above 0, or auto or none")
