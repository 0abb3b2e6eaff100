"""A tower of layers over a user's and an item's vector, whose first layer is split into the two sides."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rexp.models.dropout import Dropout
from rexp.tables import initialise

PAIRS_A_BLOCK = 16384
"""(user, item) pairs that :meth:`Tower.catalogue` takes at once: their activations stay in the cache."""


class Tower(nn.Module):
    """ReLU layers over the joined vectors; weights start Glorot-uniform, biases at 0, as in Keras.

    ``W [u; i] + b`` is ``W_u u + b + W_i i``: no vectors are joined, and a user's half is computed once for many items.

    Args:
        sizes: of the input (both vectors together, so even) and of each layer.
        dropout: rate on the input of every layer.
    """

    def __init__(self, sizes: Sequence[int], dropout: float) -> None:
        super().__init__()
        half, first = sizes[0] // 2, sizes[1]
        self.user_layer = nn.Linear(half, first)
        self.item_layer = nn.Linear(half, first, bias=False)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes[1:]))
        self.dropout = Dropout(dropout)
        self._initialise(2 * half, first)

    @torch.no_grad()
    def _initialise(self, joined: int, first: int) -> None:
        whole = initialise(torch.empty(first, joined), "glorot_uniform")  # the fan-in is both halves'
        self.user_layer.weight.copy_(whole[:, : joined // 2])
        self.item_layer.weight.copy_(whole[:, joined // 2 :])
        self.user_layer.bias.zero_()
        for layer in self.layers:
            initialise(layer.weight, "glorot_uniform")  # type: ignore[arg-type]
            layer.bias.zero_()  # type: ignore[operator]

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """The last layer's output for ``users`` (B, D) and ``items`` (B, D) or (B, K, D)."""
        users, items = self.dropout(users), self.dropout(items)
        if items.dim() == 3:
            return self.above(self.user_side(users).unsqueeze(1) + self.item_side(items))
        # One product added onto the other: no pass over a sum of its own.
        return self.above(torch.addmm(self.user_side(users), items, self.item_layer.weight.T))

    def user_side(self, users: Tensor) -> Tensor:
        """The users' half of the first layer, with its bias."""
        return self.user_layer(users)  # type: ignore[no-any-return]

    def item_side(self, items: Tensor) -> Tensor:
        """The items' half of the first layer."""
        return self.item_layer(items)  # type: ignore[no-any-return]

    def above(self, joined: Tensor) -> Tensor:
        """The rest of the tower, from the sum of the first layer's halves on, which it overwrites."""
        hidden = F.relu(joined, inplace=True)
        for layer in self.layers:
            hidden = F.relu(layer(self.dropout(hidden)), inplace=True)
        return hidden

    def catalogue(self, users: Tensor, items: Tensor, weight: Tensor) -> Tensor:
        """Every user with every item: ``weight · tower(u, i)``.

        Args:
            users: (B, D) vectors.
            items: (I, D) vectors.
            weight: (F,) of the last layer's outputs.

        Returns:
            (B, I). A block holds about ``PAIRS_A_BLOCK`` pairs, whatever B and I.
        """
        user_side = self.user_side(self.dropout(users))
        item_side = self.item_side(self.dropout(items)).T.contiguous()
        slices = [self._columns(user_side, side, weight) for side in torch.split(item_side, PAIRS_A_BLOCK, dim=1)]
        return torch.cat(slices, 1)

    def _columns(self, user_side: Tensor, item_side: Tensor, weight: Tensor) -> Tensor:
        """Scores of (B, F1) users with (F1, I) items; a pair is a column: on a CPU narrow layers are faster so."""
        rows = max(1, PAIRS_A_BLOCK // item_side.shape[1])
        none: list[Tensor | None] = [None] * (1 + len(self.layers))
        # Autograd needs every block's activations; without it, blocks of one size share theirs (a tenth faster).
        shared = none if torch.is_grad_enabled() else self._activations(rows, item_side)
        blocks = []
        for users in torch.split(user_side, rows):
            out, *outs = shared if len(users) == rows else none
            pairs = torch.add(users.T.unsqueeze(2), item_side.unsqueeze(1), out=out)
            hidden = F.relu(pairs, inplace=True).flatten(1)
            for layer, out in zip(self.layers, outs, strict=True):
                hidden = F.relu(_on_columns(layer, self.dropout(hidden), out), inplace=True)
            blocks.append((weight @ hidden).view(len(users), -1))
        return torch.cat(blocks)

    def _activations(self, rows: int, item_side: Tensor) -> list[Tensor | None]:
        """Empty outputs, of each plain layer, for ``rows`` users with all items."""
        first, n_items = item_side.shape
        above = [
            item_side.new_empty(layer.out_features, rows * n_items) if isinstance(layer, nn.Linear) else None
            for layer in self.layers
        ]
        return [item_side.new_empty(first, rows, n_items), *above]


def _on_columns(layer: nn.Module, columns: Tensor, out: Tensor | None) -> Tensor:
    """A layer over (in, N) columns; one that took a plain layer's place is given rows."""
    if type(layer) is nn.Linear:
        return torch.addmm(layer.bias.unsqueeze(1), layer.weight, columns, out=out)
    return layer(columns.T).T  # type: ignore[no-any-return]
