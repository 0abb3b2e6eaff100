"""Several vectors of a thing as one, some of which may be missing."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from rexp.nn.embedding import initialize

FusionName = Literal["mean", "weights", "gate", "attention"]


class Fuse(nn.Module):
    """A weighted mean of M vectors of size D, over those that are there.

    Args:
        how: ``mean``; ``weights``, one learned for each place; ``gate``, weights of every coordinate from the vectors
            themselves (Arevalo et al.: Gated multimodal units, 2017); ``attention``, a weight from each vector
            (Yang et al.: Hierarchical attention networks, NAACL 2016, eq. 5-7).
        n: M.
        dim: D.
    """

    def __init__(self, how: FusionName, n: int, dim: int) -> None:
        super().__init__()
        self.how = how
        if how == "weights":
            self.logits = nn.Parameter(torch.zeros(n))
        elif how == "gate":
            self.gates = nn.ModuleList(_linear(dim, dim) for _ in range(n))
        elif how == "attention":
            self.hidden = _linear(dim, dim)
            self.asked = nn.Parameter(torch.zeros(dim))
            nn.init.normal_(self.asked, std=dim**-0.5)

    def forward(self, vectors: Tensor, known: Tensor) -> Tensor:
        """(B, D) from (B, M, D), of which ``known`` (B, M) bool are there; zeros where none is."""
        logits = self._logits(vectors).masked_fill(~known.unsqueeze(2), -torch.inf)
        # Of a row that knows nothing all logits are -inf, and its softmax would be NaN.
        some = known.any(1)[:, None, None]
        weights = torch.where(some, logits, 0.0).softmax(1)
        return (torch.where(some & known.unsqueeze(2), weights, 0.0) * vectors).sum(1)

    def _logits(self, vectors: Tensor) -> Tensor:
        """(B, M, 1), or (B, M, D) where each coordinate is weighed."""
        if self.how == "weights":
            return self.logits[None, :, None].expand(len(vectors), -1, 1)
        if self.how == "gate":
            return torch.stack([gate(vectors[:, place]) for place, gate in enumerate(self.gates)], 1)
        if self.how == "attention":
            hidden: Tensor = self.hidden(vectors)
            return (hidden.tanh() @ self.asked).unsqueeze(2)
        return vectors.new_zeros(*vectors.shape[:2], 1)


def _linear(size: int, out: int) -> nn.Linear:
    layer = nn.Linear(size, out)
    initialize(layer.weight, "glorot_uniform")
    nn.init.zeros_(layer.bias)
    return layer
