"""Rows, and layers, of 16 bits a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from rexp.api import Requirement
from rexp.compress.base.budget import TableBudget
from rexp.compress.base.compact_linear import CompactLinear, swap_linear
from rexp.compress.base.table_stage import TableStage
from rexp.errors import RunError
from rexp.nn.compact_embedding import CompactEmbedding

if TYPE_CHECKING:
    from rexp.api import StageContext
    from rexp.nn.embedding import EmbeddingTable

Format = Literal["bf16", "fp16"]
Kind = Literal["tables", "linear"]
NEEDS: Mapping[str, Requirement] = {"tables": Requirement.TABLES, "linear": Requirement.LINEAR}
DTYPES: Mapping[str, torch.dtype] = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class HalfConfig:
    """Options of :class:`Half`.

    Args:
        targets, ignore: patterns of the tables' and layers' paths in the model.
        kinds: what is stored so: embedding ``tables``, ``linear`` layers.
        format: ``fp16`` has 11 bits of precision and reaches to 65504; ``bf16`` has 8, and float32's reach.
    """

    targets: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ("tables",)
    format: Format = "bf16"

    def __post_init__(self) -> None:
        if not self.kinds:
            raise ValueError("kinds=[] leaves nothing to store; take tables, linear or both")


class HalfTable(CompactEmbedding):
    """Stored in 16 bits, read as float32: what is computed with the rows stays as it is.

    Args:
        n_rows, dim: the shape of the dense table.
        format: of the numbers.
    """

    weight: Tensor
    stored: Tensor

    def __init__(self, n_rows: int, dim: int, format: Format) -> None:
        super().__init__(n_rows, dim, format=format)
        self.register_buffer("stored", torch.zeros(n_rows, dim, dtype=DTYPES[format]))

    def lookup(self, ids: Tensor) -> Tensor:
        """(N, dim) vectors of ``ids`` (N,)."""
        return self.stored.index_select(0, ids).float()

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *arguments: Any) -> None:
        """Weights of earlier versions call it ``weight``, which is all vectors as float32."""
        if f"{prefix}weight" in state_dict:
            state_dict[f"{prefix}stored"] = state_dict.pop(f"{prefix}weight")
        super()._load_from_state_dict(state_dict, prefix, *arguments)


class HalfLayer(CompactLinear):
    """Stored in 16 bits, computed as float32.

    Args:
        in_features, out_features: its sizes.
        bias: it has one.
        format: of the numbers.
    """

    stored_weight: Tensor
    stored_bias: Tensor | None

    def __init__(self, in_features: int, out_features: int, bias: bool, format: Format) -> None:
        super().__init__(in_features, out_features, bias, format=format)
        dtype = DTYPES[format]
        self.register_buffer("stored_weight", torch.zeros(out_features, in_features, dtype=dtype))
        self.register_buffer("stored_bias", torch.zeros(out_features, dtype=dtype) if bias else None)

    @property
    def weight(self) -> Tensor:
        """(out, in) float32."""
        return self.stored_weight.float()

    @property
    def bias(self) -> Tensor | None:
        """(out,) float32, or None."""
        return None if self.stored_bias is None else self.stored_bias.float()


class Half(TableStage):
    """Half the bytes at next to no loss. Nothing is trained after it: steps of a usual size would round to nothing."""

    Config: ClassVar[type] = HalfConfig
    phase: ClassVar[Literal["post"]] = "post"
    trainable_after: ClassVar[bool] = False
    modules: ClassVar[Mapping[str, type]] = {"table": HalfTable, "layer": HalfLayer}
    config: HalfConfig

    def __init__(self, config: HalfConfig) -> None:
        super().__init__(config)
        self.needs = frozenset(NEEDS[kind] for kind in config.kinds)  # of what is chosen

    def apply(self, model: nn.Module, context: StageContext) -> None:
        """Swap what is chosen in place."""
        if "tables" in self.config.kinds:
            super().apply(model, context)
        if "linear" in self.config.kinds:
            swap_linear(model, self.config.targets, self.config.ignore, self._layer)

    def limits(self, found: Mapping[str, EmbeddingTable]) -> Mapping[str, TableBudget]:
        """No budget: the stage has no option to solve for."""
        return {path: TableBudget(table.nbytes() / 2, "bytes", False) for path, table in found.items()}

    def replace(self, dense: EmbeddingTable, limit: TableBudget, context: StageContext) -> HalfTable:
        """The rows, rounded."""
        n_rows, dim = dense.weight.shape
        table = HalfTable(n_rows, dim, self.config.format)
        _round(dense.rows(), table.stored)
        return table

    def _layer(self, dense: nn.Linear) -> HalfLayer:
        layer = HalfLayer(dense.in_features, dense.out_features, dense.bias is not None, self.config.format)
        _round(dense.weight, layer.stored_weight)
        if layer.stored_bias is not None:
            _round(dense.bias, layer.stored_bias)
        return layer


def _round(values: Tensor, stored: Tensor) -> None:
    """Put the values into 16 bits.

    Raises:
        RunError: one is beyond float16's reach.
    """
    stored.copy_(values)
    if not stored.isfinite().all():
        raise RunError(f"a weight reaches {values.abs().max():g}: too large for fp16; take bf16")
