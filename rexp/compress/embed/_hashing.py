"""Hashes of ids, as functions that can be stored."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

PRIME = 2**31 - 1
"""Ids are below it, and products of two numbers below it fit into int64."""


class UniversalHashes(nn.Module):
    """``h(id) = ((a id + b) mod p) mod buckets`` with p = 2^31 - 1 (Carter and Wegman, 1979).

    Two ids meet in one bucket with a probability of about 1 / buckets.

    Args:
        n: hashes, each with an a and b of its own.
        buckets: values of a hash.
    """

    multiply: Tensor
    add: Tensor

    def __init__(self, n: int, buckets: int) -> None:
        super().__init__()
        self.buckets = buckets
        self.register_buffer("multiply", torch.zeros(n, dtype=torch.int64))
        self.register_buffer("add", torch.zeros(n, dtype=torch.int64))

    def draw(self, generator: Generator) -> None:
        """Choose the functions."""
        self.multiply.copy_(torch.randint(1, PRIME, self.multiply.shape, generator=generator))
        self.add.copy_(torch.randint(PRIME, self.add.shape, generator=generator))

    def forward(self, ids: Tensor) -> Tensor:
        """(N, n) buckets of ``ids`` (N,)."""
        return (ids.long().unsqueeze(1) * self.multiply + self.add) % PRIME % self.buckets
