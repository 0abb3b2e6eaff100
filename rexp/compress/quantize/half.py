"""Rows of 16 bits a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor

from rexp.compress.embed.budget import Limit
from rexp.compress.embed.stage import TableStage
from rexp.compress.embed.table import SmallTable
from rexp.errors import RunError

if TYPE_CHECKING:
    from rexp.api import StageContext
    from rexp.tables import EmbeddingTable

Format = Literal["bf16", "fp16"]
DTYPES: Mapping[str, torch.dtype] = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class HalfConfig:
    """Options of :class:`Half`.

    Args:
        targets, ignore: patterns of the tables' paths in the model.
        format: ``fp16`` has 11 bits of precision and reaches to 65504; ``bf16`` has 8, and float32's reach.
    """

    targets: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()
    format: Format = "bf16"


class HalfTable(SmallTable):
    """Stored in 16 bits, read as float32: what is computed with the rows stays as it is.

    Args:
        n_rows, dim: the shape of the dense table.
        format: of the numbers.
    """

    weight: Tensor

    def __init__(self, n_rows: int, dim: int, format: Format) -> None:
        super().__init__(n_rows, dim, format=format)
        self.register_buffer("weight", torch.zeros(n_rows, dim, dtype=DTYPES[format]))

    def look_up(self, ids: Tensor) -> Tensor:
        """(N, dim) vectors of ``ids`` (N,)."""
        return self.weight.index_select(0, ids).float()


class Half(TableStage):
    """Half the bytes at next to no loss. Nothing is trained after it: steps of a usual size would round to nothing."""

    Config: ClassVar[type] = HalfConfig
    phase: ClassVar[Literal["post"]] = "post"
    trainable_after: ClassVar[bool] = False
    modules: ClassVar[Mapping[str, type]] = {"table": HalfTable}
    config: HalfConfig

    def limits(self, found: Mapping[str, EmbeddingTable]) -> Mapping[str, Limit]:
        """What they will take: there is no knob to solve."""
        return {path: Limit(table.nbytes() / 2, "bytes", False) for path, table in found.items()}

    def replace(self, dense: EmbeddingTable, limit: Limit, context: StageContext) -> HalfTable:
        """The rows, rounded."""
        n_rows, dim = dense.weight.shape
        table = HalfTable(n_rows, dim, self.config.format)
        table.weight.copy_(dense.rows())
        if not table.weight.isfinite().all():
            raise RunError(f"a table has values up to {dense.weight.abs().max():g}: too large for fp16; take bf16")
        return table
