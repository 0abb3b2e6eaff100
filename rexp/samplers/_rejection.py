"""Draw again what turned out to be a known positive."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor

if TYPE_CHECKING:
    from rexp.samplers._known_positives import KnownPositives

ROUNDS = 16
"""Rounds of drawing again; what is still a positive after them is drawn from the exact distribution."""
EXACT_ROWS = 256
"""Users of one exact draw: it holds this many rows of the catalogue."""

Draw = Callable[[int, Generator], Tensor]


def reject_positives(
    items: Tensor, users: Tensor, known: KnownPositives, draw: Draw, weights: Tensor, generator: Generator
) -> Tensor:
    """Replace known positives by further draws: then every item is drawn by ``weights`` among the user's others.

    Args:
        items: (B, N) int64 first draws; changed in place.
        users: (B,) whose they are.
        known: the positives.
        draw: from (how many, generator) to items drawn by ``weights``.
        weights: (n_items,) float64, what ``draw`` draws by, up to a factor.
        generator: the random numbers.
    """
    n = items.shape[1]
    flat = items.view(-1)
    places = known.contains(users.unsqueeze(1), items).view(-1).nonzero().squeeze(1)
    for _ in range(ROUNDS):
        if not len(places):
            return items
        again = draw(len(places), generator)
        flat[places] = again
        places = places[known.contains(users[places // n], again)]
    for part in torch.split(places, EXACT_ROWS):
        flat[part] = _exactly(users[part // n], known, weights, generator)
    return items


def _exactly(users: Tensor, known: KnownPositives, weights: Tensor, generator: Generator) -> Tensor:
    """One item of each of ``users``, by ``weights`` with the positives' set to 0: no draw is lost."""
    catalogue = torch.arange(len(weights), device=users.device)
    allowed = weights.to(users.device) * known.contains(users.unsqueeze(1), catalogue).logical_not()
    return torch.multinomial(allowed, 1, generator=generator).squeeze(1)
