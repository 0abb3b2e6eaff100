"""One hashed row for each id: many ids share one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from rexp.compress.base.budget import TableBudget, TableOptions
from rexp.compress.base.table_stage import TableStage
from rexp.compress.embed._hashing import UniversalHashes
from rexp.nn.compact_embedding import CompactEmbedding
from rexp.nn.embedding import EmbeddingTable

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.api import StageContext


@dataclass(frozen=True)
class HashConfig(TableOptions):
    """Options of :class:`Hash`.

    Args:
        buckets: rows of each table; null solves them from the budget.
    """

    buckets: int | None = None

    def __post_init__(self) -> None:
        self.check(buckets=self.buckets)


class HashedTable(CompactEmbedding):
    """The row of an id is that of its hash.

    Args:
        n_rows, dim: the shape of the dense table.
        buckets: rows that are there.
    """

    def __init__(self, n_rows: int, dim: int, buckets: int) -> None:
        super().__init__(n_rows, dim, buckets=buckets)
        self.hashes = UniversalHashes(1, buckets)
        self.table = EmbeddingTable(buckets, dim)

    def lookup(self, ids: Tensor) -> Tensor:
        """(N, dim) vectors of ``ids`` (N,)."""
        vectors: Tensor = self.table(self.hashes(ids).squeeze(1))
        return vectors


class Hash(TableStage):
    """The hashing trick (Weinberger et al., ICML 2009). It starts from rows of the dense table, so as the model says.

    It pays for millions of rare ids; where there are thousands of frequent ones, ``lowrank`` is far better.
    """

    Config: ClassVar[type] = HashConfig
    phase: ClassVar[Literal["build"]] = "build"
    modules: ClassVar[Mapping[str, type]] = {"table": HashedTable}
    config: HashConfig

    def replace(self, dense: EmbeddingTable, limit: TableBudget, context: StageContext) -> HashedTable:
        """A table of hashed rows."""
        n_rows, dim = dense.weight.shape
        buckets = self.config.buckets or limit.largest(lambda knob: HashedTable(n_rows, dim, knob), 1, n_rows)
        table = HashedTable(n_rows, dim, min(buckets, n_rows))
        table.hashes.draw(context.generator)
        table.table.assign(dense.rows()[:buckets])
        return table
