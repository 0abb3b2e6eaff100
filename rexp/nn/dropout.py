"""Dropout whose mask costs a quarter of the random numbers on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

LEVELS = 1 << 16


class Dropout(nn.Module):
    """Zero each value with the probability ``rate``, scale the others so that the mean stays.

    On a CPU drawing the mask costs more than the layer behind it. Here one 64-bit draw of torch's global generator
    serves four values with 16 bits each; the rate is rounded to a multiple of 2^-16, and the scale follows that.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.dropped = round(rate * LEVELS)

    def forward(self, values: Tensor) -> Tensor:
        """``values`` in any shape; unchanged in evaluation mode or at the rate 0."""
        if not self.training or self.dropped == 0:
            return values
        if values.device.type != "cpu":
            return F.dropout(values, self.dropped / LEVELS)
        draws = torch.empty((values.numel() + 3) // 4, dtype=torch.int64).random_(-(1 << 63), None)
        chance = draws.view(torch.int16)[: values.numel()].view(values.shape)
        kept = chance >= self.dropped - LEVELS // 2
        # As bytes: making numbers of truth values takes twice as long.
        return values * kept.view(torch.int8).to(values.dtype).mul_(LEVELS / (LEVELS - self.dropped))
