"""What is decided positive at each possible threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Cuts:
    """The decisions from each distinct score on, highest score first.

    Args:
        scores: (M,) float64, the distinct scores.
        decided: (M,) float64, rows with this score or a higher one.
        true_positives: (M,) float64, how many of them are positive.
    """

    scores: Tensor
    decided: Tensor
    true_positives: Tensor


def cuts(scores: Tensor, positive: Tensor) -> Cuts:
    """The cuts of scores (N,), floating point, of rows that are positive or not (N,), bool.

    >>> found = cuts(torch.tensor([0.2, 0.9, 0.9]), torch.tensor([True, True, False]))
    >>> found.decided.tolist(), found.true_positives.tolist()
    ([2.0, 3.0], [1.0, 2.0])
    """
    ordered, order = scores.double().sort(descending=True)
    last = torch.ones_like(ordered, dtype=torch.bool)  # of the rows with its score
    last[:-1] = ordered[:-1] != ordered[1:]
    decided = torch.arange(1, len(ordered) + 1, dtype=torch.float64, device=ordered.device)
    return Cuts(ordered[last], decided[last], positive[order].double().cumsum(0)[last])
