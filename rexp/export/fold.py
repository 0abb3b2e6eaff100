"""Products of constants, which a request would compute anew: multiplied out before a model is exported."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rexp.api.model import COUPLED_PARAMETERS
from rexp.nn.coupling import LinearCoupling
from rexp.nn.embedding import EmbeddingTable
from rexp.nn.surgery import replace_module


class Folded(nn.Module):
    """In the place of a linear layer whose outputs are what a table already holds.

    Args:
        width: of the outputs.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_features = self.out_features = width

    def forward(self, outputs: Tensor) -> Tensor:
        """The outputs as they are."""
        return outputs


def fold_layers(model: Any) -> None:
    """Let dense tables hold what the linear layers that alone read their columns make of them, in place.

    ``W q_i + b`` depends on the item alone, so the row of the item may hold it in the place of ``q_i``. A layer with
    more outputs than inputs stays, for the table would grow; so does one that reads a compressed table, whose rows
    cannot hold other numbers.

    Args:
        model: says how it reads its tables (``coupled_parameters``), and takes their widths from its layers; others
            are left as they are.
    """
    for reader in COUPLED_PARAMETERS.of(model)():
        if isinstance(reader, LinearCoupling):
            _fold(model, reader)


@torch.no_grad()
def _fold(model: nn.Module, reader: LinearCoupling) -> None:
    table, layer = model.get_submodule(reader.table), model.get_submodule(reader.layer)
    if type(table) is not EmbeddingTable or type(layer) is not nn.Linear or layer.out_features > layer.in_features:
        return
    if sum(weight is table.weight for _, weight in model.named_parameters(remove_duplicate=False)) > 1:
        return  # another part of the model reads the same numbers
    first, end = reader.columns
    rows = table.weight
    folded = torch.cat([rows[:, :first], layer(rows[:, first:end]), rows[:, end:]], 1)
    n_rows, dim = folded.shape
    replace_module(model, reader.table, EmbeddingTable(n_rows, dim, nn.Parameter(folded, requires_grad=False)))
    replace_module(model, reader.layer, Folded(layer.out_features))
