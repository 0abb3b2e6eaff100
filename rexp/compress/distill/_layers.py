"""Weights that are drawn from a stage's own generator."""

from __future__ import annotations

import math

import torch
from torch import Generator, nn


def uniform(shape: tuple[int, ...], fan_in: int, generator: Generator) -> nn.Parameter:
    """A parameter drawn from U(-1, 1) / sqrt(fan_in), as torch draws those of ``nn.Linear``."""
    bound = 1 / math.sqrt(fan_in)
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound, generator=generator))


def linear(size_in: int, size_out: int, generator: Generator) -> nn.Linear:
    """A layer with a bias, drawn from the generator."""
    layer = nn.Linear(size_in, size_out, device="meta")  # draws nothing
    layer.weight = uniform((size_out, size_in), size_in, generator)
    layer.bias = uniform((size_out,), size_in, generator)
    return layer
