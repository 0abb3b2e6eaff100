"""Rows as products of three small matrices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from rexp.compress.base.budget import TableBudget, TableOptions
from rexp.compress.base.table_stage import TableStage
from rexp.nn.compact_embedding import CompactEmbedding
from rexp.nn.embedding import EmbeddingTable

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.api import StageContext


@dataclass(frozen=True)
class TensorTrainConfig(TableOptions):
    """Options of :class:`TensorTrain`.

    Args:
        rank: of the matrices between the cores; null solves it from the budget.
    """

    rank: int | None = None

    def __post_init__(self) -> None:
        self.check(rank=self.rank)


class TensorTrainTable(CompactEmbedding):
    """An id is three digits, a column too; an entry is the product of the three matrices that they choose.

    Args:
        n_rows, dim: the shape of the dense table.
        rank: r; the matrices are (1, r), (r, r) and (r, 1).
    """

    def __init__(self, n_rows: int, dim: int, rank: int) -> None:
        super().__init__(n_rows, dim, rank=rank)
        self.rank, self.digits, self.columns = rank, three_factors(n_rows), three_factors(dim)
        first, second, third = self.columns
        self.first = EmbeddingTable(self.digits[0], first * rank)
        self.second = EmbeddingTable(self.digits[1], rank * second * rank)
        self.third = EmbeddingTable(self.digits[2], rank * third)

    def lookup(self, ids: Tensor) -> Tensor:
        """(N, dim) vectors of ``ids`` (N,)."""
        (_, middle, last), (first, second, third), rank = self.digits, self.columns, self.rank
        left: Tensor = self.first(ids // (middle * last)).view(-1, first, rank)
        centre: Tensor = self.second(ids // last % middle).view(-1, rank, second * rank)
        right: Tensor = self.third(ids % last).view(-1, rank, third)
        joined = (left @ centre).view(-1, first * second, rank)
        return (joined @ right).flatten(1)[:, : self.dim]


def three_factors(n: int) -> tuple[int, int, int]:
    """Three factors of about the same size whose product is n, or little more.

    >>> three_factors(32), three_factors(6040)
    ((4, 4, 2), (19, 19, 17))
    """
    side = 1
    while side**3 < n:
        side += 1
    return side, side, -(-n // side**2)


class TensorTrain(TableStage):
    """Tensor-train tables of three cores (TT-Rec: Yin et al., MLSys 2021).

    Initial values of the cores are normal; an entry of the table is a sum of r^2 products of three of them, and has
    the variance of the dense table's entries.
    """

    Config: ClassVar[type] = TensorTrainConfig
    phase: ClassVar[Literal["build"]] = "build"
    modules: ClassVar[Mapping[str, type]] = {"table": TensorTrainTable}
    config: TensorTrainConfig

    def replace(self, dense: EmbeddingTable, limit: TableBudget, context: StageContext) -> TensorTrainTable:
        """Three cores."""
        n_rows, dim = dense.weight.shape
        most = max(three_factors(n_rows)) * max(three_factors(dim))  # the largest core has as many rows, unfolded
        rank = self.config.rank or limit.largest(lambda knob: TensorTrainTable(n_rows, dim, knob), 1, most)
        table = TensorTrainTable(n_rows, dim, rank)
        # The last core has the dense table's scale, so that a table of zeros can learn too.
        deviation = dense.rows().square().mean().sqrt().item()
        for core, scale in ((table.first, rank**-0.5), (table.second, rank**-0.5), (table.third, deviation)):
            core.weight.normal_(0.0, scale, generator=context.generator)
        return table
