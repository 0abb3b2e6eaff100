"""Embedding tables and their initial values.

Models ask :func:`embedding_table` for their tables and use nothing but ``forward``, ``rows``, ``assign`` and
``nbytes``, so that a hashed, factorized or quantized table can take the place of a dense one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

InitName = Literal[
    "normal", "uniform", "glorot_uniform", "glorot_normal", "lecun_uniform", "lecun_normal", "he_uniform", "zeros"
]


@dataclass(frozen=True)
class Init:
    """A distribution of initial values.

    Args:
        name: its name, see :func:`initialize`.
        scale: standard deviation (normal), bound (uniform), or a factor on the values of the others.
    """

    name: InitName = "normal"
    scale: float = 1.0


@torch.no_grad()
def initialize(tensor: Tensor, name: InitName, scale: float = 1.0) -> Tensor:
    """Fill a tensor in place with initial values.

    Args:
        tensor: (out, in) weights of a layer, or (n_rows, dim) of a table; fan-in is the last size, fan-out the first.
        name: ``normal`` N(0, scale^2); ``uniform`` on (-scale, scale); ``glorot_*`` with variance 2 / (in + out);
            ``lecun_*`` with 1 / in; ``he_uniform`` with 2 / in; ``zeros``.
        scale: multiplies the values of glorot, lecun and he.

    Returns:
        the tensor.
    """
    fan_in, fan_out = tensor.shape[-1], tensor.shape[0]
    match name:
        case "zeros":
            return tensor.zero_()
        case "normal":
            return tensor.normal_(0.0, scale)
        case "uniform":
            return tensor.uniform_(-scale, scale)
        case "glorot_uniform" | "glorot_normal":
            deviation = math.sqrt(2 / (fan_in + fan_out))
        case "lecun_uniform" | "lecun_normal":
            deviation = math.sqrt(1 / fan_in)
        case "he_uniform":
            deviation = math.sqrt(2 / fan_in)
    if name.endswith("normal"):
        return tensor.normal_(0.0, scale * deviation)
    bound = scale * deviation * math.sqrt(3)  # U(-a, a) has the standard deviation a / sqrt(3)
    return tensor.uniform_(-bound, bound)


class EmbeddingTable(nn.Module):
    """A dense table of ``n_rows`` vectors of size ``dim``.

    Args:
        n_rows, dim: its shape.
        weight: a parameter of that shape to be its content; None makes one that holds nothing yet.
    """

    def __init__(self, n_rows: int, dim: int, weight: nn.Parameter | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_rows, dim)) if weight is None else weight
        self.sparse = False
        """The gradient holds only the rows that were read; the trainer sets it where that is faster."""

    def forward(self, ids: Tensor) -> Tensor:
        """The vectors of ``ids``, in their shape with ``dim`` behind it."""
        if self.sparse and self.training:
            return F.embedding(ids, self.weight, sparse=True)
        # Exported, it is one operation, where ids of any shape must not be made flat.
        if self.weight.device.type != "cpu" or torch.compiler.is_exporting():
            return F.embedding(ids, self.weight)
        # On CPU the backward of index_select (index_add) is two to three times as fast as that of F.embedding.
        return self.weight.index_select(0, ids.reshape(-1)).view(*ids.shape, self.weight.shape[1])

    def rows(self) -> Tensor:
        """(n_rows, dim): all vectors."""
        return self.weight

    @torch.no_grad()
    def assign(self, rows: Tensor) -> None:
        """Take these (n_rows, dim) vectors as the table's content."""
        self.weight.copy_(rows)

    def nbytes(self) -> int:
        """Bytes that the table's content takes."""
        return self.weight.numel() * self.weight.element_size()


def embedding_table(n_rows: int, dim: int, init: Init) -> EmbeddingTable:
    """A table with initial values: what every model calls for its embeddings."""
    table = EmbeddingTable(n_rows, dim)
    initialize(table.weight, init.name, init.scale)
    return table


def adopt_embeddings(model: nn.Module) -> None:
    """Let each plain ``nn.Embedding`` of a model be an :class:`EmbeddingTable` of the same weights, in place.

    So a model that was written without rexp can be pruned and quantized as the others. Names of weights stay, and what
    is read stays the same. One with ``padding_idx``, ``max_norm``, ``scale_grad_by_freq`` or hooks, or of a subclass,
    does more than a table and is left alone.
    """
    places = list(model.named_modules(remove_duplicate=False))
    tables: dict[nn.Module, EmbeddingTable] = {}
    for path, part in places:
        if path and type(part) is nn.Embedding and is_plain(part):
            shape = part.num_embeddings, part.embedding_dim
            table = tables.setdefault(part, EmbeddingTable(*shape, part._parameters["weight"]))
            table.train(part.training)
            model.set_submodule(path, table)


def is_plain(embedding: nn.Embedding) -> bool:
    """Whether it only looks rows up."""
    special = (embedding.padding_idx, embedding.max_norm, embedding.scale_grad_by_freq or None)
    hooks = embedding._forward_hooks or embedding._forward_pre_hooks or embedding._backward_hooks
    return special == (None, None, None) and not hooks and "weight" in embedding._parameters
