"""Base class of auto-encoders of a user's items."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from rexp.api import Capability, Layout, Query, RecommenderModule
from rexp.models._item_item import pick
from rexp.nn.read_columns import columns_read
from rexp.nn.sparse import SparseMatrix, interaction_matrix

if TYPE_CHECKING:
    from rexp.data.split import Split


class AutoEncoder(RecommenderModule):
    """Scores whole rows by a linear output layer over what a user's training items are encoded to.

    A subclass makes ``output`` and ``interactions``, and says what is before the output layer: :meth:`last_hidden`.
    """

    layout = Layout.USER
    output: nn.Linear
    interactions: SparseMatrix

    def capabilities(self) -> frozenset[Capability]:
        """Whole rows at once; the output layer makes them a dot product."""
        return frozenset(
            {
                Capability.SCORES_ALL_ITEMS,
                Capability.OWN_LOSS,
                Capability.NEEDS_TRAIN_DATA,
                Capability.HAS_EMBEDDINGS,
                Capability.DOT_PRODUCT,
            }
        )

    def bind(self, split: Split) -> None:
        """Take the users' training items."""
        self.interactions.assign(interaction_matrix(split))

    def last_hidden(self, users: Tensor) -> Tensor:
        """(B, H): the layer before the output layer, of ``users`` (B,)."""
        raise NotImplementedError

    def profiles(self, users: Tensor) -> Tensor:
        """(B, I): 1 where the user took the item in the training part."""
        return self.interactions.dense_rows(users)

    @staticmethod
    def read_profiles(profiles: Tensor, layer: nn.Module) -> tuple[Tensor, Tensor | None]:
        """What ``layer``, the first, has to read of (B, I) profiles: few of their columns, and which, where it can."""
        # A layer that took a dense one's place has no columns of weights; one whose inputs are looked at sees them all.
        dense = isinstance(layer, nn.Linear) and not layer._forward_hooks
        columns = columns_read(profiles) if dense else None
        return (profiles if columns is None else profiles.index_select(1, columns)), columns

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Logits of ``items`` (B,) or (B, K), in their shape."""
        return pick(self.score_all, query, items)

    def score_all(self, query: Query) -> Tensor:
        """(B, I) logits of the whole catalogue."""
        logits: Tensor = self.output(self.last_hidden(query.users))
        return logits

    def user_embeddings(self, query: Query) -> Tensor:
        """(B, H + 1): the last hidden layer, and a 1 that meets the item's bias."""
        hidden = self.last_hidden(query.users)
        return torch.cat([hidden, hidden.new_ones(len(hidden), 1)], 1)

    def item_embeddings(self) -> Tensor:
        """(I, H + 1): the output layer's weights and bias."""
        return torch.cat([self.output.weight, self.output.bias.unsqueeze(1)], 1)
