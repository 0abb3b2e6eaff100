"""Draws without replacement for many rows at once."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from rexp.data.types import PADDING


def draw_positions(log_weights: Tensor, k: int, generator: Generator) -> Tensor:
    """Draw positions one after another, each with a probability in proportion to its weight among those left.

    By an exponential race, which gives the law of such draws: the k largest of ``log w - log Exp(1)``.

    Args:
        log_weights: (B, N); -inf is never drawn.
        k: draws of each row.
        generator: the source of chance.

    Returns:
        (B, k) int64, ascending, then -1 where a row has fewer.
    """
    race = torch.empty(log_weights.shape, dtype=log_weights.dtype).exponential_(generator=generator)
    keys = race.clamp_(min=torch.finfo(race.dtype).tiny).log_().neg_().add_(log_weights)
    best, positions = keys.topk(min(k, keys.shape[1]), dim=1, sorted=False)
    n = log_weights.shape[1]
    positions = positions.masked_fill_(best.isneginf(), n).sort(dim=1).values
    positions = positions.masked_fill_(positions == n, PADDING)
    return torch.nn.functional.pad(positions, (0, k - positions.shape[1]), value=PADDING)


def draw_distinct(sizes: Tensor, k: int, generator: Generator) -> Tensor:
    """Draw distinct whole numbers uniformly from 0 .. size - 1 (Floyd's algorithm: Bentley & Floyd, CACM 1987).

    Args:
        sizes: (B,) int64.
        k: draws of each row.
        generator: the source of chance.

    Returns:
        (B, k) int64, in no particular order; -1 in front where a row has fewer than k numbers.
    """
    drawn = torch.full((len(sizes), k), PADDING)
    uniform = torch.rand((k, len(sizes)), dtype=torch.float64, generator=generator)
    for place in range(k):
        last = sizes - k + place
        number = (uniform[place] * (last + 1)).long()
        taken = (drawn[:, :place] == number[:, None]).any(1)
        drawn[:, place] = torch.where(taken, last, number).where(last >= 0, PADDING)
    return drawn


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
