"""Rows made of two: of the quotient and of the remainder of an id."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor

from rexp.compress.base.budget import TableBudget, TableOptions
from rexp.compress.base.table_stage import TableStage
from rexp.nn.compact_embedding import CompactEmbedding
from rexp.nn.embedding import EmbeddingTable

if TYPE_CHECKING:
    from rexp.api import StageContext

Operation = Literal["product", "sum"]


@dataclass(frozen=True)
class QRConfig(TableOptions):
    """Options of :class:`QR`.

    Args:
        buckets: remainders, and rows of their table; null solves them from the budget.
        operation: on the two vectors of an id, element by element.
    """

    buckets: int | None = None
    operation: Operation = "product"

    def __post_init__(self) -> None:
        self.check(buckets=self.buckets)


class QuotientRemainderTable(CompactEmbedding):
    """``remainders[id mod m] * quotients[id div m]``, or their sum: no two ids share both.

    Args:
        n_rows, dim: the shape of the dense table.
        buckets: m.
        operation: on the two vectors.
    """

    def __init__(self, n_rows: int, dim: int, buckets: int, operation: Operation) -> None:
        super().__init__(n_rows, dim, buckets=buckets, operation=operation)
        self.buckets, self.product = buckets, operation == "product"
        self.remainders = EmbeddingTable(buckets, dim)
        self.quotients = EmbeddingTable(-(-n_rows // buckets), dim)

    def lookup(self, ids: Tensor) -> Tensor:
        """(N, dim) vectors of ``ids`` (N,)."""
        remainders: Tensor = self.remainders(ids % self.buckets)
        quotients: Tensor = self.quotients(ids // self.buckets)
        return remainders * quotients if self.product else remainders + quotients


class QR(TableStage):
    """The quotient-remainder trick (Shi et al., KDD 2020).

    The variance at the start is the dense table's: for a product, rows of that table are multiplied by random signs;
    for a sum, two of its rows are added, each divided by the root of 2.
    """

    Config: ClassVar[type] = QRConfig
    phase: ClassVar[Literal["build"]] = "build"
    modules: ClassVar[Mapping[str, type]] = {"table": QuotientRemainderTable}
    config: QRConfig

    def replace(self, dense: EmbeddingTable, limit: TableBudget, context: StageContext) -> QuotientRemainderTable:
        """A table of remainders and one of quotients."""
        (n_rows, dim), operation = dense.weight.shape, self.config.operation

        def make(buckets: int) -> QuotientRemainderTable:
            return QuotientRemainderTable(n_rows, dim, buckets, operation)

        # Above the root of n_rows the table of remainders grows faster than that of quotients shrinks.
        buckets = self.config.buckets or limit.largest(make, math.isqrt(n_rows - 1) + 1, n_rows)
        table = make(min(buckets, n_rows))
        rows, shape = dense.rows(), table.quotients.weight.shape
        if operation == "sum":
            table.remainders.assign(rows[: table.buckets] / math.sqrt(2))
            table.quotients.assign(rows[-shape[0] :] / math.sqrt(2))
        else:
            table.remainders.assign(rows[: table.buckets])
            table.quotients.assign(2.0 * torch.randint(2, shape, generator=context.generator) - 1)
        return table
