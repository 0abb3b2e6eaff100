"""Base class of item-item models that score whole rows from a user's training items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rexp.api import Capability, DataSpec, Query, RecommenderModule
from rexp.nn.sparse import SparseMatrix, dense, interaction_matrix

if TYPE_CHECKING:
    from rexp.data.split import Split

USERS_AT_ONCE = 256
"""Users whose scores of the whole catalogue are held at once."""


def pick(score_all: Callable[[Query], Tensor], query: Query, items: Tensor) -> Tensor:
    """Scores of ``items`` (B,) or (B, K), in their shape, by way of whole rows: each user's row is computed once.

    Args:
        score_all: from a query of B users to (B, I); it reads nothing but ``query.users``.
        query, items: as in :meth:`rexp.api.Model.score`.
    """
    users, places = torch.unique(query.users, return_inverse=True)
    picked: Tensor | None = None
    for start in range(0, len(users), USERS_AT_ONCE):
        rows = score_all(replace(query, users=users[start : start + USERS_AT_ONCE]))
        if picked is None:
            picked = rows.new_empty(items.shape)
        here = ((places >= start) & (places < start + len(rows))).nonzero().squeeze(1)
        wanted = items[here].view(len(here), -1)
        picked[here] = rows[(places[here] - start).unsqueeze(1), wanted].view(items[here].shape)
    return torch.zeros(items.shape, device=items.device) if picked is None else picked


class ItemItem(RecommenderModule):
    """Scores an item by the weights that the user's training items have to it: ``R W``.

    A model of this form learns nothing but ``weights`` (I, I): row i holds how much i speaks for every item.
    """

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        self.interactions = SparseMatrix(spec.n_users, spec.n_items, persistent=False)
        self.weights = SparseMatrix(spec.n_items, spec.n_items)

    def capabilities(self) -> frozenset[Capability]:
        """Closed form."""
        return frozenset({Capability.CLOSED_FORM, Capability.SCORES_ALL_ITEMS, Capability.NEEDS_TRAIN_DATA})

    def bind(self, split: Split) -> None:
        """Take the users' training items."""
        self.interactions.assign(interaction_matrix(split))

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Scores of ``items`` (B,) or (B, K), in their shape."""
        return pick(self.score_all, query, items)

    def score_all(self, query: Query) -> Tensor:
        """(B, I) scores of the whole catalogue."""
        profiles = self.interactions.scipy()[query.users.cpu().numpy()]
        return dense(profiles @ self.weights.scipy(), query.users)
