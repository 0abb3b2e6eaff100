"""Rows of a trained table that share a value with what lies near."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor

from rexp.compress.base.budget import TableBudget, TableOptions
from rexp.compress.base.table_stage import TableStage
from rexp.compress.embed._kmeans import clusters
from rexp.nn.compact_embedding import CompactEmbedding
from rexp.nn.embedding import EmbeddingTable

if TYPE_CHECKING:
    from rexp.api import StageContext


@dataclass(frozen=True)
class ClusterConfig(TableOptions):
    """Options of :class:`Cluster`.

    Args:
        clusters: rows that are left of each table; null solves them from the budget.
    """

    clusters: int | None = None

    def __post_init__(self) -> None:
        self.check(clusters=self.clusters)


class ClusteredTable(CompactEmbedding):
    """The row of an id is the centre that it belongs to.

    Args:
        n_rows, dim: the shape of the dense table.
        clusters: centres.
    """

    codes: Tensor

    def __init__(self, n_rows: int, dim: int, clusters: int) -> None:
        super().__init__(n_rows, dim, clusters=clusters)
        dtype = torch.uint8 if clusters <= 2**8 else torch.int16 if clusters <= 2**15 else torch.int32
        self.register_buffer("codes", torch.zeros(n_rows, dtype=dtype))
        self.centres = EmbeddingTable(clusters, dim)

    def lookup(self, ids: Tensor) -> Tensor:
        """(N, dim) vectors of ``ids`` (N,)."""
        vectors: Tensor = self.centres(self.codes[ids].long())
        return vectors

    def n_codes(self) -> int:
        """One a row."""
        return self.n_rows


class Cluster(TableStage):
    """k-means over the rows; which centre an id has is fixed, and the centres can be trained on."""

    Config: ClassVar[type] = ClusterConfig
    phase: ClassVar[Literal["post"]] = "post"
    modules: ClassVar[Mapping[str, type]] = {"table": ClusteredTable}
    config: ClusterConfig

    def replace(self, dense: EmbeddingTable, limit: TableBudget, context: StageContext) -> ClusteredTable:
        """Centres, and the centre of each row."""
        n_rows, dim = dense.weight.shape
        n = self.config.clusters or limit.largest(lambda knob: ClusteredTable(n_rows, dim, knob), 1, n_rows)
        table = ClusteredTable(n_rows, dim, min(n, n_rows))
        centres, codes = clusters(dense.rows().cpu(), min(n, n_rows), context.generator)
        table.centres.assign(centres)
        table.codes.copy_(codes)
        return table
