"""Attention between fields."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rexp.nn.embedding import initialize


class PairAttention(nn.Module):
    """The mean of the products of all pairs of fields, weighted by what a small network makes of each (Xiao et al.:
    Attentional factorization machines, IJCAI 2017, eq. 4 and 5).

    Args:
        dim: of the fields' vectors.
        hidden: units of the network.
    """

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.layer, self.importance = nn.Linear(dim, hidden), nn.Linear(hidden, 1, bias=False)
        for layer in (self.layer, self.importance):
            initialize(layer.weight, "glorot_uniform")
        nn.init.zeros_(self.layer.bias)

    def forward(self, fields: Tensor) -> Tensor:
        """(..., D) of the vectors of fields (..., F, D)."""
        first, second = torch.triu_indices(fields.shape[-2], fields.shape[-2], 1, device=fields.device)
        products = fields[..., first, :] * fields[..., second, :]
        weights = self.importance(F.relu(self.layer(products))).softmax(-2)
        pooled: Tensor = (weights * products).sum(-2)
        return pooled


class FieldAttention(nn.Module):
    """A layer of multi-head self-attention between fields, with a residual connection (Song et al.: AutoInt, CIKM 2019,
    eq. 5 to 8): ``relu([heads of softmax(Q K^T) V] + W e)``; inner products are not scaled.

    Args:
        dim: of the fields' vectors.
        heads, head_size: the output has the size ``heads * head_size``.
    """

    def __init__(self, dim: int, heads: int, head_size: int) -> None:
        super().__init__()
        self.heads, self.head_size = heads, head_size
        width = heads * head_size
        self.query, self.key, self.value, self.residual = (nn.Linear(dim, width, bias=False) for _ in range(4))
        for layer in (self.query, self.key, self.value, self.residual):
            initialize(layer.weight, "glorot_uniform")

    def forward(self, fields: Tensor) -> Tensor:
        """(..., F, heads * head_size) of the vectors of fields (..., F, D)."""
        query, key, value = (self._headed(layer(fields)) for layer in (self.query, self.key, self.value))
        found = (query @ key.mT).softmax(-1) @ value
        return F.relu(found.transpose(-2, -3).flatten(-2) + self.residual(fields))

    def _headed(self, values: Tensor) -> Tensor:
        """(..., heads, F, head_size)."""
        return values.reshape(*values.shape[:-1], self.heads, self.head_size).transpose(-2, -3)
