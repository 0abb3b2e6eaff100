"""Scores of several models on one scale, user by user, and fusion of their ranks."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Scale = Literal["standard", "minmax", "none"]
Rule = Literal["scores", "rrf", "borda", "isr"]


def scaled(scores: Tensor, counted: Tensor, scale: Scale) -> Tensor:
    """Scores of every user on one scale.

    Args:
        scores: (B, I).
        counted: (B, I) bool, the items whose scores make the scale: those that the user did not take in training.
        scale: ``standard`` to mean 0 and deviation 1; ``minmax`` to 0 to 1; ``none``. What a model of lists does not
            list (-inf) has no part in it, and becomes as low as the lowest that is listed.

    >>> scaled(torch.tensor([[1.0, 3.0, 9.0]]), torch.tensor([[True, True, False]]), "minmax")
    tensor([[0., 1., 4.]])
    """
    listed = scores.isfinite()
    counted = counted & listed
    if scale == "none":
        return torch.where(listed, scores, _lowest(scores, counted))
    counts = counted.sum(1, keepdim=True).clamp(min=1)
    if scale == "standard":
        low = torch.where(counted, scores, 0.0).sum(1, keepdim=True) / counts
        width = (torch.where(counted, scores - low, 0.0).square().sum(1, keepdim=True) / counts).sqrt()
    else:
        low = torch.where(counted, scores, torch.inf).amin(1, keepdim=True)
        width = torch.where(counted, scores, -torch.inf).amax(1, keepdim=True) - low
        low = low.nan_to_num(0.0, 0.0, 0.0)
    # Scores that are all alike say nothing: they become 0.
    largest = torch.where(listed, scores, 0.0).abs().amax(1, keepdim=True)
    known = width.isfinite() & (width > 1e-12 * largest.clamp(min=1e-30))
    one_scale = torch.where(known, (scores - low) / torch.where(known, width, 1.0), 0.0)
    return torch.where(listed, one_scale, _lowest(one_scale, counted))


def _lowest(scores: Tensor, counted: Tensor) -> Tensor:
    """(B, 1): each user's lowest score that counts; 0 where none does."""
    return torch.where(counted, scores, torch.inf).amin(1, keepdim=True).nan_to_num(0.0, 0.0, 0.0)


def ranks(scores: Tensor, counted: Tensor) -> Tensor:
    """(B, I) float32: the rank of every item from 1, equal scores by item id; what is not counted comes last, and what
    a model of lists does not list (-inf) shares the last rank."""
    order = scores.masked_fill(~counted, -torch.inf).argsort(dim=1, descending=True, stable=True)
    places = torch.arange(1, scores.shape[1] + 1, device=scores.device, dtype=torch.float32)
    found = torch.empty_like(scores, dtype=torch.float32).scatter_(1, order, places.expand_as(order))
    return found.masked_fill_(scores.isneginf(), scores.shape[1])


def votes(rank: Tensor, rule: Rule, constant: float) -> Tensor:
    """What a rank is worth, in its shape.

    Args:
        rank: (B, I) from 1.
        rule: ``rrf`` 1 / (constant + rank) (Cormack et al., SIGIR 2009); ``borda`` the share of items behind (Aslam and
            Montague, SIGIR 2001); ``isr`` 1 / rank^2 (inverse square rank: Mourao et al., 2014).
        constant: of ``rrf``.
    """
    if rule == "rrf":
        return 1 / (constant + rank)
    if rule == "isr":
        return rank.square().reciprocal()
    return (rank.shape[1] - rank) / max(1, rank.shape[1] - 1)
