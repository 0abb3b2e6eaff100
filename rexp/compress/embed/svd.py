"""The best narrow rows for a trained table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor

from rexp.compress.base.budget import TableOptions
from rexp.compress.base.table_stage import TableStage
from rexp.compress.embed.lowrank import LowRankTable
from rexp.nn.compact_embedding import ROWS_AT_ONCE

if TYPE_CHECKING:
    from rexp.api import StageContext
    from rexp.compress.base.budget import TableBudget
    from rexp.nn.embedding import EmbeddingTable


@dataclass(frozen=True)
class SVDConfig(TableOptions):
    """Options of :class:`TruncatedSVD`.

    Args:
        rank: width of the rows that are left; null solves it from the budget.
    """

    rank: int | None = None

    def __post_init__(self) -> None:
        self.check(rank=self.rank)


class TruncatedSVD(TableStage):
    """The nearest matrix of rank r to each table on its own (Eckart and Young, 1936).

    The rows are projected on the r strongest right singular vectors, which stay behind as the basis. For a dot product,
    factorizing the tables of both sides together needs no basis at all.
    """

    Config: ClassVar[type] = SVDConfig
    phase: ClassVar[Literal["post"]] = "post"
    modules: ClassVar[Mapping[str, type]] = {"table": LowRankTable}
    config: SVDConfig

    def replace(self, dense: EmbeddingTable, limit: TableBudget, context: StageContext) -> LowRankTable:
        """The projected rows and the basis."""
        n_rows, dim = dense.weight.shape
        rank = self.config.rank or limit.largest(lambda knob: LowRankTable(n_rows, dim, knob), 1, dim)
        table = LowRankTable(n_rows, dim, min(rank, dim))
        rows = dense.rows()
        # Eigenvectors of the (dim, dim) product are the right singular vectors, and cost no copy of the table.
        gram = sum(
            (block.T @ block for block in map(Tensor.double, torch.split(rows, ROWS_AT_ONCE))),
            start=rows.new_zeros((), dtype=torch.float64),
        )
        strongest = torch.linalg.eigh(gram).eigenvectors.flip(1)[:, : table.basis.shape[0]].to(rows.dtype)
        table.factor.assign(rows @ strongest)
        table.basis.copy_(strongest.T)
        return table
