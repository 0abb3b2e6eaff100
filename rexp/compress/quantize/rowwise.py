"""Rows of 8, 4 or 2 bits a number, with a scale and an offset of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from rexp.compress.base.bit_packing import pack, packed_width, unpack
from rexp.compress.base.budget import TableBudget, TableOptions
from rexp.compress.base.table_stage import TableStage
from rexp.compress.quantize._ranges import (
    Array,
    column_scales,
    full_ranges,
    greedy_ranges,
    nearest_codes,
    stored_scale,
)
from rexp.errors import RunError
from rexp.nn.compact_embedding import ROWS_AT_ONCE, CompactEmbedding

if TYPE_CHECKING:
    from rexp.api import StageContext
    from rexp.nn.embedding import EmbeddingTable

Bits = Literal[8, 4, 2]
Search = Literal["none", "greedy"]
KINDS: Mapping[int, tuple[Any, torch.dtype]] = {
    8: (np.float32, torch.float32),
    4: (np.float16, torch.float16),
    2: (np.float16, torch.float16),
}
"""The type of a row's scale and offset, by bits: torch's kernels read these."""
KERNELS: Mapping[int, Any] = {
    8: torch.ops.quantized.embedding_bag_byte_rowwise_offsets.default,
    4: torch.ops.quantized.embedding_bag_4bit_rowwise_offsets.default,
    2: torch.ops.quantized.embedding_bag_2bit_rowwise_offsets.default,
}
"""Sums of rows, by bits. Found once: to look an operator up by name takes as long as to read a row."""
ROWS_A_REQUEST = 4096
"""Up to so many ids are what a request reads, and come in the same number again."""


@dataclass(frozen=True)
class RowwiseConfig(TableOptions):
    """Options of :class:`Rowwise`.

    Args:
        bits: of a number; null takes as many as the budget allows, or 8 where there is none.
        search: the range of a row: ``none``, from its lowest to its highest value; ``greedy``, a narrower one with a
            smaller squared error, which pays below 8 bits.
        columns: rows are quantized relative to a scale of every column, 4 bytes each, which pays where columns differ
            much in size, as after ``factorize``.
    """

    bits: Bits | None = None
    search: Search = "none"
    columns: bool = False

    def __post_init__(self) -> None:
        self.check(trained=False, bits=self.bits)


class RowwiseTable(CompactEmbedding):
    """``offset + scale * code``; a row's codes, scale and offset lie one behind the other in bytes.

    Args:
        n_rows, dim: the shape of the dense table.
        bits: 8, 4 or 2 of each code.
        columns: every column is multiplied by a scale of its own.
    """

    packed: Tensor
    columns: Tensor | None

    def __init__(self, n_rows: int, dim: int, bits: int, columns: bool = False) -> None:
        super().__init__(n_rows, dim, bits=bits, columns=columns)
        self.bits, self.kind = bits, KINDS[bits][1]
        width = packed_width(dim, bits) + 2 * self.kind.itemsize
        self.register_buffer("packed", torch.zeros(n_rows, width, dtype=torch.uint8))
        self.register_buffer("columns", torch.ones(dim) if columns else None)

    def lookup(self, ids: Tensor) -> Tensor:
        """(N, dim) vectors of ``ids`` (N,)."""
        # torch's kernels are for the CPU, and not all of them can be traced.
        by_kernel = type(ids) is Tensor and ids.is_cpu and ids.numel() and not torch.compiler.is_compiling()
        vectors = self._by_kernel(ids) if by_kernel else self._by_gather(ids)
        columns = self._buffers["columns"]  # an attribute would be looked for in three places first
        return vectors if columns is None else vectors * columns

    def _by_kernel(self, ids: Tensor) -> Tensor:
        """Bags of one row each: three to eight times as fast as :meth:`_by_gather` for thousands of ids."""
        n = ids.numel()
        starts = _kept_starts(n, ids.dtype) if n <= ROWS_A_REQUEST else torch.arange(n, dtype=ids.dtype)
        vectors: Tensor = KERNELS[self.bits](self._buffers["packed"], ids.contiguous(), starts)
        return vectors if self.dim * self.bits % 8 == 0 else vectors[:, : self.dim]

    def _by_gather(self, ids: Tensor) -> Tensor:
        rows, width = self.packed.index_select(0, ids), packed_width(self.dim, self.bits)
        ends = rows[:, width:].clone(memory_format=torch.contiguous_format)  # numbers must begin at their own multiple
        scale, offset = torch.split(ends.view(self.kind).float(), 1, 1)
        vectors: Tensor = offset + scale * unpack(rows[:, :width], self.bits, self.dim)
        return vectors

    def n_codes(self) -> int:
        """Every number of the rows, their scales and offsets."""
        return self.n_rows * (self.dim + 2)

    @torch.no_grad()
    def take(self, rows: Tensor, search: Search) -> None:
        """Quantize (n_rows, dim) vectors, in blocks.

        Raises:
            RunError: a value is beyond the reach of the stored scale.
        """
        if self.columns is not None:
            self.columns.copy_(torch.from_numpy(column_scales(rows.numpy())))
            rows = rows / self.columns
        for packed, block in zip(*(torch.split(t, ROWS_AT_ONCE) for t in (self.packed, rows)), strict=True):
            codes, scale, offset = quantized(block.numpy(), self.bits, search)
            ends = np.concatenate([scale, offset], 1).view(np.uint8)
            packed.copy_(torch.cat([pack(torch.from_numpy(codes), self.bits), torch.from_numpy(ends)], 1))


@lru_cache(maxsize=32)
def _kept_starts(n: int, kind: torch.dtype) -> Tensor:
    """Where ``n`` bags of one row begin: made once, for that takes as long as to read a few rows."""
    return torch.arange(n, dtype=kind)


def quantized(rows: Array, bits: int, search: Search) -> tuple[Array, Array, Array]:
    """Quantized float32 rows (N, D): codes (N, D) uint8, scale and offset (N, 1) in the type of these bits.

    Raises:
        RunError: a value is beyond the reach of the stored scale.
    """
    levels, stored = 2**bits - 1, KINDS[bits][0]
    low, high = greedy_ranges(rows, levels) if search == "greedy" else full_ranges(rows)
    with np.errstate(over="ignore"):  # what is too large is found below
        scale, offset = stored_scale(low, high, levels, stored)
    if not (np.isfinite(scale).all() and np.isfinite(offset).all()):
        raise RunError(f"a table has values up to {np.abs(rows).max():g}: too large for {bits} bits")
    return nearest_codes(rows, scale, offset, levels), scale.astype(stored), offset.astype(stored)


def on_grid(rows: Tensor, bits: int, search: Search) -> Tensor:
    """(N, D) float32: ``rows`` on the CPU as a table of so many bits reads them back."""
    codes, scale, offset = quantized(rows.numpy(), bits, search)
    return torch.from_numpy(offset.astype(np.float32) + scale.astype(np.float32) * codes)


class Rowwise(TableStage):
    """Row-wise quantization after training, uniform within a row (Guan et al. 2019, "Post-Training 4-bit Quantization
    on Embedding Tables"). Scale and offset of a row take 8 bytes at 8 bits, else 4."""

    Config: ClassVar[type] = RowwiseConfig
    phase: ClassVar[Literal["post"]] = "post"
    trainable_after: ClassVar[bool] = False
    modules: ClassVar[Mapping[str, type]] = {"table": RowwiseTable}
    config: RowwiseConfig

    def replace(self, dense: EmbeddingTable, limit: TableBudget, context: StageContext) -> RowwiseTable:
        """The rows in bits."""
        n_rows, dim = dense.weight.shape
        bits = self.config.bits or 8
        if self.config.bits is None and self.config.budget is not None:
            bits = 2 ** limit.largest(lambda power: RowwiseTable(n_rows, dim, 2**power, self.config.columns), 1, 3)
        table = RowwiseTable(n_rows, dim, bits, self.config.columns)
        table.take(dense.rows().cpu(), self.config.search)
        return table
