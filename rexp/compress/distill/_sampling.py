"""Draws without replacement for many rows at once."""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator, Tensor

from rexp.data.types import PADDING


def draw_positions(log_weights: Tensor, k: int, generator: Generator) -> Tensor:
    """Draw positions one after another, each with a probability in proportion to its weight among those left.

    By an exponential race, which gives the law of such draws: the k largest of ``log w - log Exp(1)``.

    Args:
        log_weights: (B, N) float32; -inf is never drawn.
        k: draws of each row.
        generator: the source of chance.

    Returns:
        (B, k) int64, ascending, then -1 where a row has fewer.
    """
    weights, (n_rows, n) = log_weights.numpy(), log_weights.shape
    race = _chance(generator).standard_exponential(weights.shape, dtype=np.float32)
    np.maximum(race, np.finfo(np.float32).tiny, out=race)
    keys = np.subtract(weights, np.log(race, out=race), out=race)
    drawn = keys > -np.inf
    if k < n:
        drawn &= keys >= np.partition(keys, n - k, axis=1)[:, n - k : n - k + 1]
    counts = drawn.sum(1)
    tied = np.flatnonzero(counts > k)
    if len(tied):
        drawn[tied] &= drawn[tied].cumsum(1) <= k
        counts[tied] = k
    row, position = np.divmod(np.flatnonzero(drawn), max(1, n))
    positions = np.full((n_rows, k), PADDING)
    positions[row, np.arange(len(row)) - (counts.cumsum() - counts)[row]] = position
    return torch.from_numpy(positions)


def draw_distinct(sizes: Tensor, k: int, generator: Generator) -> Tensor:
    """Draw distinct whole numbers uniformly from 0 .. size - 1 (Floyd's algorithm: Bentley & Floyd, CACM 1987).

    Args:
        sizes: (B,) int64, below 2^31.
        k: draws of each row.
        generator: the source of chance.

    Returns:
        (B, k) int64, in no particular order; -1 in front where a row has fewer than k numbers.
    """
    uniform = torch.rand((k, len(sizes)), dtype=torch.float64, generator=generator).numpy()
    last = sizes.numpy() - k + np.arange(k)[:, None]
    numbers, last = (uniform * (last + 1)).astype(np.int32), last.astype(np.int32)
    drawn = np.full((k, len(sizes)), PADDING, dtype=np.int32)
    for place in range(k):
        taken = (drawn[:place] == numbers[place]).any(0)
        drawn[place] = np.where(taken, last[place], numbers[place])
        drawn[place, last[place] < 0] = PADDING
    return torch.from_numpy(drawn.T.astype(np.int64, order="C"))


def draw_ranks(sizes: Tensor, k: int, scale: float, generator: Generator) -> Tensor:
    """Draw ranks with replacement, rank r of 0 .. size - 1 with a probability in proportion to exp(-r / scale).

    Args:
        sizes: (B,) int64, at least 1.
        k: draws of each row.
        scale: of the decay.
        generator: the source of chance.

    Returns:
        (B, k) int64.
    """
    uniform = torch.rand((len(sizes), k), dtype=torch.float64, generator=generator)
    mass = -torch.expm1(-sizes.double() / scale)[:, None]
    ranks = (-scale * torch.log1p(-uniform * mass)).long()
    return ranks.minimum(sizes[:, None] - 1)


def _chance(generator: Generator) -> np.random.Generator:
    """NumPy's source of chance, begun from torch's: its exponential numbers take a third of the time."""
    seed = int(torch.randint(torch.iinfo(torch.int64).max, (1,), generator=generator))
    return np.random.Generator(np.random.SFC64(seed))
