"""Random numbers that depend on what they are for, not on when they are drawn: the same in blocks of any size."""

from __future__ import annotations

import torch
from torch import Tensor

_LOW_63 = 2**63 - 1


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _mix(x: Tensor) -> Tensor:
    """The finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) on wrapping int64."""
    x = (x ^ ((x >> 30) & (2**34 - 1))) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ ((x >> 27) & (2**37 - 1))) * _signed(0x94D049BB133111EB)
    return x ^ ((x >> 31) & (2**33 - 1))


def random_bits(seed: int, users: Tensor, columns: Tensor) -> Tensor:
    """(B, C) int64 in 0 .. 2^63 - 1, a function of seed, user and column alone.

    Args:
        seed: any number.
        users: (B,) int64.
        columns: (B, C) or (1, C) int64, such as item ids.
    """
    golden = _signed(0x9E3779B97F4A7C15)
    start = _mix(torch.full_like(users, seed) * golden + golden)
    stream = _mix(start ^ (users + 1) * golden).unsqueeze(1)
    return _mix(stream + (columns + 1) * golden) & _LOW_63


def random_uniform(seed: int, users: Tensor, columns: Tensor) -> Tensor:
    """(B, C) float64 in (0, 1), a function of seed, user and column alone."""
    return ((random_bits(seed, users, columns) >> 11).double() + 0.5) / 2**52
