"""SASRec: self-attention over the items a user took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rexp.models._sequential import ItemOptions, SequenceModel
from rexp.nn.coupling import HiddenUnits
from rexp.nn.dropout import Dropout
from rexp.nn.embedding import Init, embedding_table, initialize

if TYPE_CHECKING:
    from rexp.api import DataSpec


@dataclass(frozen=True)
class SASRecConfig(ItemOptions):
    """Options of :class:`SASRec`.

    Args:
        factors: size of all vectors.
        blocks: attention blocks; ``heads`` of each.
        history_length: the latest items that are read; 200 for MovieLens, 50 for sparse data in the paper.
        dropout: rate on embeddings, attention weights and hidden layers; .2 for MovieLens, .5 for sparse data.
    """

    factors: int = 50
    blocks: int = 2
    heads: int = 1
    history_length: int = 50
    dropout: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("factors", "blocks", "heads", "history_length"):
            if getattr(self, key) < 1:
                raise ValueError(f"{key}={getattr(self, key)} must be 1 or more")
        if self.factors % self.heads:
            raise ValueError(f"factors={self.factors} must be a multiple of heads={self.heads}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout} must be at least 0 and below 1")


class SASRec(SequenceModel):
    """Self-attentive sequential recommendation (Kang and McAuley, ICDM 2018).

    Item vectors times sqrt(D), plus a learned vector of the position counted from the end, go through blocks of causal
    attention and a point-wise feed-forward layer; each is normalized before it and added to its normalized input, as in
    the authors' code. The same item vectors score (§III-E).
    """

    Config: ClassVar[type] = SASRecConfig

    def __init__(self, config: SASRecConfig, spec: DataSpec) -> None:
        super().__init__(config.items(spec, config.factors), config.history_length)
        self.config = config
        self.positions = embedding_table(config.history_length, config.factors, Init("glorot_normal"))
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.factors, eps=1e-8)

    def encode(self, items: Tensor, lengths: Tensor) -> Tensor:
        """(B, L, D) states after each of ``items`` (B, L)."""
        # The last item has the last position, however long the history is.
        from_end = self.history_length - lengths.unsqueeze(1) + torch.arange(items.shape[1], device=items.device)
        positions = self.positions(from_end.clamp(0, self.history_length - 1))
        states = self.dropout(self.items(items) * self.config.factors**0.5 + positions)
        for block in self.blocks:
            states = block(states)
        encoded: Tensor = self.norm(states)
        return encoded

    def hidden_units(self) -> Sequence[HiddenUnits]:
        """Hidden units between the two linear layers of each block."""
        return [HiddenUnits((f"blocks.{i}.hidden",), f"blocks.{i}.output") for i in range(len(self.blocks))]


class Block(nn.Module):
    """Attention to the positions up to one's own, then two linear layers."""

    def __init__(self, config: SASRecConfig) -> None:
        super().__init__()
        size = config.factors
        self.heads, self.rate = config.heads, config.dropout
        self.attention_norm, self.hidden_norm = nn.LayerNorm(size, eps=1e-8), nn.LayerNorm(size, eps=1e-8)
        self.query, self.key, self.value = (_linear(size) for _ in range(3))
        self.hidden, self.output = _linear(size), _linear(size)
        self.dropout = Dropout(config.dropout)

    def forward(self, states: Tensor) -> Tensor:
        """(B, L, D) from (B, L, D)."""
        normed = self.attention_norm(states)
        query, key, value = (
            self._split(self.query(normed)),
            self._split(self.key(states)),
            self._split(self.value(states)),
        )
        normed = self.hidden_norm(self._attend(query, key, value).transpose(1, 2).flatten(2) + normed)
        hidden = self.dropout(F.relu(self.hidden(normed)))
        added: Tensor = self.dropout(self.output(hidden)) + normed
        return added

    def _attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """(B, heads, L, D / heads); trained by parts on a CPU, where :class:`Dropout` costs less than torch's own."""
        if not self.training or query.device.type != "cpu":
            rate = self.rate if self.training else 0.0
            return F.scaled_dot_product_attention(query, key, value, dropout_p=rate, is_causal=True)
        length = query.shape[2]
        later = torch.full((length, length), -torch.inf, device=query.device, dtype=query.dtype).triu_(1)
        query, key, values = (vectors.flatten(0, 1) for vectors in (query, key, value))
        logits = torch.baddbmm(later, query, key.transpose(1, 2), alpha=query.shape[2] ** -0.5)
        attended: Tensor = self.dropout(logits.softmax(-1)) @ values
        return attended.view(value.shape)

    def _split(self, vectors: Tensor) -> Tensor:
        """(B, heads, L, D / heads) from (B, L, D)."""
        return vectors.view(*vectors.shape[:2], self.heads, -1).transpose(1, 2)


def _linear(size: int) -> nn.Linear:
    layer = nn.Linear(size, size)
    initialize(layer.weight, "glorot_uniform")
    nn.init.zeros_(layer.bias)
    return layer
