"""The sampler's negatives in the shape that a batch needs."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from rexp.api import Negatives, Sampler
from rexp.api.training import LOG_Q


def single_negative(sampler: Sampler) -> Sampler:
    """The same sampler, asked for one negative of each positive; if it cannot, :func:`first` takes one of many."""
    single = copy.copy(sampler)
    single.n = 1
    return single


def first(drawn: Negatives) -> Negatives:
    """The first negative of each positive, (B, 1)."""
    return Negatives(drawn.items[:, :1], None if drawn.log_q is None else drawn.log_q[:, :1])


def log_q_of(sampler: Sampler, items: Tensor) -> Tensor:
    """Log-probability with which the sampler draws these positives, (B, 1); 0, no correction, where it cannot say."""
    log_q = LOG_Q.of(sampler)
    return torch.zeros(len(items), 1) if log_q is None else log_q(items).reshape(len(items), 1)
