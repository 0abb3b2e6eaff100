"""A tower of layers over a user's and an item's vector, whose first layer is split into the two sides."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rexp.nn.dropout import Dropout
from rexp.nn.embedding import initialize

PAIRS_A_BLOCK = 16384
"""(user, item) pairs that :meth:`Tower.catalogue` takes at once: their activations stay in the cache."""


class Tower(nn.Module):
    """ReLU layers over the joined vectors; weights start Glorot-uniform, biases at 0, as in Keras.

    ``W [u; i] + b`` is ``W_u u + b + W_i i``: no vectors are joined, and a user's half is computed once for many items.
    Vectors of features join in the same way.

    Args:
        sizes: of the input (both vectors together, so even) and of each layer.
        dropout: rate on the input of every layer.
        user_features, item_features: read a vector of features, as large as the user's or item's own, beside it.
    """

    def __init__(
        self, sizes: Sequence[int], dropout: float, *, user_features: bool = False, item_features: bool = False
    ) -> None:
        super().__init__()
        half, first = sizes[0] // 2, sizes[1]
        self.user_layer = nn.Linear(half, first)
        self.item_layer = nn.Linear(half, first, bias=False)
        self.user_feature_layer = nn.Linear(half, first, bias=False) if user_features else None
        self.item_feature_layer = nn.Linear(half, first, bias=False) if item_features else None
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes[1:]))
        self.dropout = Dropout(dropout)
        self._initialize(half, first)

    @torch.no_grad()
    def _initialize(self, half: int, first: int) -> None:
        parts = (self.user_layer, self.item_layer, self.user_feature_layer, self.item_feature_layer)
        read = [part for part in parts if part is not None]
        whole = initialize(torch.empty(first, half * len(read)), "glorot_uniform")  # the fan-in is that of all inputs
        for part, columns in zip(read, torch.split(whole, half, 1), strict=True):
            part.weight.copy_(columns)
        self.user_layer.bias.zero_()
        for layer in self.layers:
            assert isinstance(layer, nn.Linear)
            initialize(layer.weight, "glorot_uniform")
            layer.bias.zero_()

    def forward(
        self, users: Tensor, items: Tensor, user_features: Tensor | None = None, item_features: Tensor | None = None
    ) -> Tensor:
        """The last layer's output for ``users`` (B, D) and ``items`` (B, D) or (B, K, D), each with its features'."""
        user_side = self.user_side(users, user_features)
        if items.dim() == 3:
            return self.above(user_side.unsqueeze(1) + self.item_side(items, item_features))
        if item_features is not None:
            return self.above(user_side + self.item_side(items, item_features))
        # One product added onto the other: no pass over a sum of its own.
        return self.above(torch.addmm(user_side, self.dropout(items), self.item_layer.weight.T))

    def from_item_sides(self, users: Tensor, item_sides: Tensor, user_features: Tensor | None = None) -> Tensor:
        """The last layer's output for ``users`` (B, D) and the items' half of the first layer, (B, K, F)."""
        return self.above(self.user_side(users, user_features).unsqueeze(1) + item_sides)

    def user_side(self, users: Tensor, features: Tensor | None = None) -> Tensor:
        """The users' half of the first layer, with its bias."""
        side: Tensor = self.user_layer(self.dropout(users))
        return self._joined(side, self.user_feature_layer, features)

    def item_side(self, items: Tensor, features: Tensor | None = None) -> Tensor:
        """The items' half of the first layer."""
        side: Tensor = self.item_layer(self.dropout(items))
        return self._joined(side, self.item_feature_layer, features)

    def _joined(self, side: Tensor, layer: nn.Module | None, features: Tensor | None) -> Tensor:
        """A side's part of the first layer with what its features add."""
        if layer is None or features is None:
            return side
        added: Tensor = layer(self.dropout(features))
        return side + added

    def above(self, joined: Tensor) -> Tensor:
        """The rest of the tower, from the sum of the first layer's halves on, which it overwrites."""
        # In place on the sum itself: on a view of it, autograd would copy the gradient. The layers then see rows, for
        # runtimes that read an exported model join product, bias and ReLU for matrices alone.
        hidden = F.relu(joined, inplace=True).view(-1, joined.shape[-1])
        for layer in self.layers:
            hidden = F.relu(layer(self.dropout(hidden)), inplace=True)
        return hidden.view(*joined.shape[:-1], hidden.shape[1])

    def catalogue(
        self,
        users: Tensor,
        items: Tensor,
        weight: Tensor,
        user_features: Tensor | None = None,
        item_features: Tensor | None = None,
    ) -> Tensor:
        """Every user with every item: ``weight · tower(u, i)``.

        Args:
            users: (B, D) vectors.
            items: (I, D) vectors.
            weight: (F,) of the last layer's outputs.
            user_features, item_features: (B, D) and (I, D) vectors of their features, where they are read.

        Returns:
            (B, I). A block holds about ``PAIRS_A_BLOCK`` pairs, whatever B and I.
        """
        user_side, item_side = self.user_side(users, user_features), self.item_side(items, item_features)
        # What autograd or dropout must see goes the plain way, and so does a layer that took a dense one's place.
        plain = all(isinstance(layer, nn.Linear) for layer in self.layers) and not self.training
        score = self._by_columns if plain and not torch.is_grad_enabled() else self._by_rows
        return torch.cat([score(user_side, side, weight) for side in torch.split(item_side, PAIRS_A_BLOCK)], 1)

    def _by_rows(self, user_side: Tensor, item_side: Tensor, weight: Tensor) -> Tensor:
        """Scores of (B, F1) users with (I, F1) items, as :meth:`forward` computes them."""
        blocks = torch.split(user_side, max(1, PAIRS_A_BLOCK // len(item_side)))
        return torch.cat([self.above(block.unsqueeze(1) + item_side) @ weight for block in blocks])

    def _by_columns(self, user_side: Tensor, item_side: Tensor, weight: Tensor) -> Tensor:
        """The same, faster on a CPU: a pair is a column, a row of ones meets the biases, outputs are reused."""
        linear = [layer for layer in self.layers if isinstance(layer, nn.Linear)]
        layers = [torch.cat([layer.weight, layer.bias.unsqueeze(1)], 1) for layer in linear]
        widths = [item_side.shape[1], *map(len, layers)]
        columns = item_side.T.contiguous()
        scores = user_side.new_empty(len(user_side), len(item_side))
        outputs: list[Tensor] = []
        blocks = torch.split(user_side, max(1, PAIRS_A_BLOCK // len(item_side)))
        for block, part in zip(blocks, torch.split(scores, len(blocks[0])), strict=True):
            if not outputs or outputs[0].shape[1] != part.numel():
                outputs = [user_side.new_ones(width + 1, part.numel()) for width in widths]
            hidden, *above = outputs
            joined = hidden[:-1].view(len(columns), len(block), len(item_side))
            torch.add(block.T.unsqueeze(2), columns.unsqueeze(1), out=joined).relu_()
            for layer, output in zip(layers, above, strict=True):
                torch.mm(layer, hidden, out=output[:-1]).relu_()
                hidden = output
            torch.mv(hidden[:-1].T, weight, out=part.view(-1))
        return scores
