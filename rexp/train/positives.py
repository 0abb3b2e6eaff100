"""Positives of an epoch: the (user, item) of each slot."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Generator, Tensor

if TYPE_CHECKING:
    from rexp.data.interactions import Interactions
    from rexp.data.types import Array


class Positives(Protocol):
    """Turns rows of the training part into positives."""

    def at(self, rows: Tensor, draws: Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Users, items and rows of the training part, each (B,), for rows (B,) of the epoch."""
        ...


class InteractionPositives:
    """Every interaction is a positive once an epoch, or those of ``chosen`` (M,) int64 in its place."""

    def __init__(self, interactions: Interactions, chosen: Array | None = None) -> None:
        self.users, self.items = as_tensor(interactions.users), as_tensor(interactions.items)
        self.chosen = None if chosen is None else as_tensor(chosen)

    def at(self, rows: Tensor, draws: Generator) -> tuple[Tensor, Tensor, Tensor]:
        rows = rows if self.chosen is None else self.chosen.index_select(0, rows)
        return self.users.index_select(0, rows).long(), self.items.index_select(0, rows).long(), rows


class UserUniformPositives:
    """A user is drawn uniformly, then one of its items (LightGCN's way); an epoch draws as many as there are rows."""

    def __init__(self, interactions: Interactions, n_users: int) -> None:
        offsets = torch.from_numpy(interactions.offsets(n_users))
        self.lengths = offsets.diff()
        self.starts = offsets[:-1]
        self.known = self.lengths.nonzero().squeeze(1)
        self.items = as_tensor(interactions.items)

    def at(self, rows: Tensor, draws: Generator) -> tuple[Tensor, Tensor, Tensor]:
        users = self.known[torch.randint(len(self.known), rows.shape, generator=draws)]
        lengths = self.lengths[users]
        # In double precision, so that no item of a long history is left out; the product can round up to the length.
        places = (torch.rand(rows.shape, generator=draws, dtype=torch.float64) * lengths).long()
        places = torch.minimum(places, lengths - 1)
        chosen = self.starts[users] + places
        return users, self.items.index_select(0, chosen).long(), chosen


def as_tensor(array: Array) -> Tensor:
    """A tensor over the array's own memory, also where it is a read-only map of a file: nothing here writes to it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.ascontiguousarray(array))
