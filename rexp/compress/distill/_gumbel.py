"""Gates that choose an expert: a softmax with Gumbel noise, whose temperature falls during the fit."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

EPSILON = 1e-10


def annealed(epoch: int, max_epochs: int, start: float, end: float) -> float:
    """The temperature of an epoch, ``start (end / start)^(epoch / max_epochs)`` (Kang et al., CIKM 2020).

    Args:
        epoch: counted from 0, so that the first has ``start``.
        max_epochs: of the fit, whether or not it stops earlier.
        start, end: temperatures.
    """
    return float(start * (end / start) ** (epoch / max(1, max_epochs)))


def gumbel(like: Tensor, generator: Generator) -> Tensor:
    """Gumbel(0, 1) noise in the shape of a tensor, and on its device."""
    waiting = torch.empty(like.shape, dtype=like.dtype).exponential_(generator=generator)
    return waiting.clamp_(min=torch.finfo(like.dtype).tiny).log_().neg_().to(like.device)


def choose(gates: Tensor, noise: Tensor, temperature: float) -> Tensor:
    """``softmax((ln(a + 1e-10) + g) / T)``: nearly one expert a row where T is small.

    Args:
        gates: (B, M) probabilities.
        noise: (B, M) Gumbel noise.
        temperature: above 0.
    """
    return (((gates + EPSILON).log() + noise) / temperature).softmax(1)
