"""Compositional embeddings: each row concatenates hashed chunks shared between ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from rexp.compress.base.budget import TableBudget, TableOptions
from rexp.compress.base.table_stage import TableStage
from rexp.compress.embed._hashing import UniversalHashes
from rexp.nn.compact_embedding import CompactEmbedding
from rexp.nn.embedding import EmbeddingTable

if TYPE_CHECKING:
    from rexp.api import StageContext


@dataclass(frozen=True)
class CompositionalConfig(TableOptions):
    """Options of :class:`Compositional`.

    Args:
        buckets: rows of each table's pieces; null solves them from the budget.
        chunks: pieces of a row.
    """

    buckets: int | None = None
    chunks: int = 4

    def __post_init__(self) -> None:
        self.check(buckets=self.buckets)
        if self.chunks < 1:
            raise ValueError(f"chunks={self.chunks} must be 1 or more")


class ChunkedTable(CompactEmbedding):
    """The row of an id is joined of pieces, and each has a hash of its own.

    Args:
        n_rows, dim: the shape of the dense table.
        buckets: rows of each piece.
        chunks: pieces; the first are one wider where ``dim`` is no multiple.
    """

    def __init__(self, n_rows: int, dim: int, buckets: int, chunks: int) -> None:
        super().__init__(n_rows, dim, buckets=buckets, chunks=chunks)
        self.widths = chunk_widths(dim, chunks)
        self.hashes = UniversalHashes(len(self.widths), buckets)
        self.pieces = nn.ModuleList(EmbeddingTable(buckets, width) for width in self.widths)

    def lookup(self, ids: Tensor) -> Tensor:
        """(N, dim) vectors of ``ids`` (N,)."""
        buckets = self.hashes(ids).unbind(1)
        return torch.cat([piece(bucket) for piece, bucket in zip(self.pieces, buckets, strict=True)], 1)


def chunk_widths(dim: int, chunks: int) -> list[int]:
    """Widths of the chunks, as even as possible.

    >>> chunk_widths(65, 4)
    [17, 16, 16, 16]
    """
    chunks = min(chunks, dim)
    return [dim // chunks + (place < dim % chunks) for place in range(chunks)]


class Compositional(TableStage):
    """Compositional embeddings by concatenation (CE in Tsang and Ahle, NeurIPS 2023, whose ``QR/CE`` it is).

    It starts from pieces of the dense table's rows.
    """

    Config: ClassVar[type] = CompositionalConfig
    phase: ClassVar[Literal["build"]] = "build"
    modules: ClassVar[Mapping[str, type]] = {"table": ChunkedTable}
    config: CompositionalConfig

    def replace(self, dense: EmbeddingTable, limit: TableBudget, context: StageContext) -> ChunkedTable:
        """A table of hashed pieces."""
        (n_rows, dim), chunks = dense.weight.shape, self.config.chunks
        buckets = self.config.buckets or limit.largest(lambda knob: ChunkedTable(n_rows, dim, knob, chunks), 1, n_rows)
        table = ChunkedTable(n_rows, dim, min(buckets, n_rows), chunks)
        table.hashes.draw(context.generator)
        for piece, columns in zip(table.pieces, torch.split(dense.rows(), table.widths, 1), strict=True):
            assert isinstance(piece, EmbeddingTable)
            piece.assign(columns[:buckets])
        return table
