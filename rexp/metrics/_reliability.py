"""Reliability of probabilities: what was predicted beside what came true, in bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor

Binning = Literal["width", "mass"]


@dataclass(frozen=True)
class Reliability:
    """The bins that hold a row, ascending; all (M,) float64.

    Args:
        rows: number of rows.
        predicted: mean probability.
        observed: share of positives.
    """

    rows: Tensor
    predicted: Tensor
    observed: Tensor

    @property
    def error(self) -> float:
        """The mean of |predicted - observed|, each bin by its rows; NaN without a row."""
        total = self.rows.sum()
        return float((self.rows * (self.predicted - self.observed).abs()).sum() / total) if total else float("nan")


def reliability(q: Tensor, positive: Tensor, bins: int, binning: Binning) -> Reliability:
    """Bins of probabilities, the lower edge excluded and the upper one included.

    Args:
        q: (N,) float64, probabilities.
        positive: (N,) bool.
        bins: how many.
        binning: "width": equal parts of 0 .. 1; "mass": edges at the quantiles of ``q``, so that bins hold about the
            same number of rows; equal probabilities are in one bin, so that there may be fewer.
    """
    if len(q) == 0:
        return Reliability(*(torch.empty(0, dtype=torch.float64) for _ in range(3)))
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)[1:-1]
    if binning == "mass":
        edges = torch.from_numpy(np.unique(np.quantile(q.cpu().numpy(), edges.numpy())))
    place = torch.bucketize(q, edges.to(q.device))
    rows, predicted, observed = (
        torch.zeros(bins, dtype=torch.float64, device=q.device).index_add_(0, place, values)
        for values in (torch.ones_like(q), q, positive.double())
    )
    held = rows > 0
    return Reliability(rows[held], predicted[held] / rows[held], observed[held] / rows[held])
