"""Dense modules of fewer columns than a model was made with; a stored model makes them again from their shape."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rexp.errors import ConfigError
from rexp.nn.embedding import EmbeddingTable


class NarrowTable(EmbeddingTable):
    """A dense table, for all that works on dense ones.

    Args:
        n_rows, dim: its shape.
    """

    def describe(self) -> dict[str, int]:
        """Constructor arguments that recreate an empty instance."""
        n_rows, dim = self.weight.shape
        return {"n_rows": n_rows, "dim": dim}


class NarrowLinear(nn.Linear):
    """A linear layer.

    Args:
        in_features, out_features: its sizes.
        bias: it has one.
    """

    def describe(self) -> dict[str, Any]:
        """Constructor arguments that recreate an empty instance."""
        return {"in_features": self.in_features, "out_features": self.out_features, "bias": self.bias is not None}


def table_of(rows: Tensor) -> NarrowTable:
    """A table that holds these (n_rows, dim) vectors."""
    n_rows, dim = rows.shape
    table = NarrowTable(n_rows, dim).to(rows.device)
    table.assign(rows)
    return table


@torch.no_grad()
def layer_of(weight: Tensor, bias: Tensor | None) -> NarrowLinear:
    """A layer with these weights (out, in) and this bias (out,) or none."""
    outputs, inputs = weight.shape
    layer = NarrowLinear(inputs, outputs, bias is not None).to(weight.device)
    layer.weight.copy_(weight)
    if bias is not None:
        layer.bias.copy_(bias)
    return layer


def dense_layer(model: nn.Module, path: str) -> nn.Linear:
    """The layer at a path, to be made narrower.

    Raises:
        ConfigError: it is no dense one any more.
    """
    layer = model.get_submodule(path)
    if not isinstance(layer, nn.Linear):
        raise ConfigError(f"the layer {path} is no dense one any more; put what makes it narrower before that")
    return layer
