"""Ratings of the training part by user and item."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from rexp.models._rating_baseline import rating_matrix

if TYPE_CHECKING:
    from rexp.api import DataSpec
    from rexp.data.split import Split


class KnownRatings(nn.Module):
    """What users gave the items that they rated; of an item rated again, the last rating. It belongs to the data and is
    no weight."""

    keys: Tensor
    ratings: Tensor
    mean: Tensor

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        self.n_items = spec.n_items
        self.register_buffer("keys", torch.zeros(0, dtype=torch.int64), persistent=False)
        self.register_buffer("ratings", torch.zeros(0), persistent=False)
        self.register_buffer("mean", torch.zeros(()), persistent=False)

    def bind(self, split: Split) -> None:
        """Take them.

        Raises:
            ConfigError: the data has no ratings.
        """
        matrix = rating_matrix(split).tocoo()
        users, items = (torch.tensor(ids, dtype=torch.int64) for ids in matrix.coords)
        device = self.keys.device
        self.keys = (users * self.n_items + items).to(device)  # ascending, as the rows are
        self.ratings = torch.tensor(matrix.data, device=device)
        self.mean = self.ratings.mean()

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """(B,) ratings of ``items`` (B,) by ``users`` (B,), all of which are known."""
        return self.ratings[torch.searchsorted(self.keys, users * self.n_items + items)]
