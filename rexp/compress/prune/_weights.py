"""The weights that pruning works on, whatever module holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from torch import Tensor, nn
from torch.nn.utils import parametrize

from rexp.api import Requirement
from rexp.nn.embedding import EmbeddingTable
from rexp.nn.surgery import select_modules

Kind = Literal["tables", "linear"]
NEEDS: Mapping[str, Requirement] = {"tables": Requirement.TABLES, "linear": Requirement.LINEAR}


def weights_of(
    model: nn.Module, kinds: Sequence[Kind], targets: Sequence[str], ignore: Sequence[str]
) -> dict[str, Tensor]:
    """Matrices by their module's path: embedding tables, or linear layers, or both.

    Raises:
        ConfigError: the patterns leave none of a kind.
    """
    found: dict[str, Tensor] = {}
    if "tables" in kinds:
        found |= {path: table.weight for path, table in select_modules(model, EmbeddingTable, targets, ignore).items()}
    if "linear" in kinds:
        found |= {path: _trained(layer) for path, layer in select_modules(model, nn.Linear, targets, ignore).items()}
    return found


def _trained(layer: nn.Linear) -> Tensor:
    """The weights that are trained, where those that are read are computed from them, as under ``qat``."""
    if not parametrize.is_parametrized(layer, "weight"):
        return layer.weight
    return layer.get_parameter("parametrizations.weight.original")
