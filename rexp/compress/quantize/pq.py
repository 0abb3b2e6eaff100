"""Rows as a few bytes, each of which names a piece of a vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor

from rexp.compress.base.bit_packing import pack, packed_width, unpack
from rexp.compress.base.budget import TableBudget, TableOptions
from rexp.compress.base.table_stage import TableStage
from rexp.compress.embed._kmeans import clusters
from rexp.compress.embed.ce import chunk_widths
from rexp.nn.compact_embedding import CompactEmbedding

if TYPE_CHECKING:
    from rexp.api import StageContext
    from rexp.nn.embedding import EmbeddingTable


@dataclass(frozen=True)
class ProductQuantizationConfig(TableOptions):
    """Options of :class:`ProductQuantization`.

    Args:
        parts: pieces of a row; null solves them from the budget.
        bits: of a piece's code: 2^bits centres a piece.
    """

    parts: int | None = None
    bits: Literal[8, 4] = 8

    def __post_init__(self) -> None:
        self.check(trained=False, parts=self.parts)


class ProductQuantizedTable(CompactEmbedding):
    """The row of an id is joined of the centres that its codes name.

    Args:
        n_rows, dim: the shape of the dense table.
        parts: pieces of a row; the first are one wider where ``dim`` is no multiple.
        bits: of a code.
    """

    codes: Tensor
    centres: Tensor

    def __init__(self, n_rows: int, dim: int, parts: int, bits: int) -> None:
        super().__init__(n_rows, dim, parts=parts, bits=bits)
        self.bits, self.widths = bits, chunk_widths(dim, parts)
        self.register_buffer("codes", torch.zeros(n_rows, packed_width(len(self.widths), bits), dtype=torch.uint8))
        # A piece's centres stand in its own columns.
        self.register_buffer("centres", torch.zeros(2**bits, dim))

    def lookup(self, ids: Tensor) -> Tensor:
        """(N, dim) vectors of ``ids`` (N,)."""
        codes = unpack(self.codes.index_select(0, ids), self.bits, len(self.widths)).int()
        pieces = torch.split(self.centres, self.widths, 1)
        return torch.cat([piece.index_select(0, own) for piece, own in zip(pieces, codes.unbind(1), strict=True)], 1)

    def n_codes(self) -> int:
        """One a piece of every row."""
        return self.n_rows * len(self.widths)


class ProductQuantization(TableStage):
    """Product quantization (Jégou et al., TPAMI 2011), by faiss's k-means on each piece.

    Unlike faiss's own quantizer it takes widths that are no multiple of the parts, as those of tables with biases.
    """

    Config: ClassVar[type] = ProductQuantizationConfig
    phase: ClassVar[Literal["post"]] = "post"
    trainable_after: ClassVar[bool] = False
    modules: ClassVar[Mapping[str, type]] = {"table": ProductQuantizedTable}
    config: ProductQuantizationConfig

    def replace(self, dense: EmbeddingTable, limit: TableBudget, context: StageContext) -> ProductQuantizedTable:
        """Codes and centres."""
        (n_rows, dim), bits = dense.weight.shape, self.config.bits
        parts = self.config.parts or limit.largest(lambda n: ProductQuantizedTable(n_rows, dim, n, bits), 1, dim)
        table = ProductQuantizedTable(n_rows, dim, min(parts, dim), bits)
        pieces = torch.split(dense.rows().cpu(), table.widths, 1)
        found = [clusters(piece, 2**bits, context.generator) for piece in pieces]
        table.centres.copy_(torch.cat([centres for centres, _ in found], 1))
        table.codes.copy_(pack(torch.stack([codes for _, codes in found], 1).to(torch.uint8), bits))
        return table
