"""Narrow rows, and one matrix that makes them wide."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Generator, Tensor, nn

from rexp.compress.base.budget import TableBudget, TableOptions
from rexp.compress.base.table_stage import TableStage
from rexp.nn.compact_embedding import CompactEmbedding
from rexp.nn.embedding import EmbeddingTable

if TYPE_CHECKING:
    from rexp.api import StageContext


@dataclass(frozen=True)
class LowRankConfig(TableOptions):
    """Options of :class:`LowRank`.

    Args:
        rank: width of the rows that are kept; null solves it from the budget.
        bias: the layer behind the table has one. At ranks of 1 to 3 it is what lets a dot product have biases.
    """

    rank: int | None = None
    bias: bool = False

    def __post_init__(self) -> None:
        self.check(rank=self.rank)


class LowRankTable(CompactEmbedding):
    """``factor[id] @ basis + bias``.

    Args:
        n_rows, dim: the shape of the dense table.
        rank: columns of the factor, rows of the basis.
        bias: there is one, (dim,).
    """

    def __init__(self, n_rows: int, dim: int, rank: int, bias: bool = False) -> None:
        super().__init__(n_rows, dim, rank=rank, bias=bias)
        self.factor = EmbeddingTable(n_rows, rank)
        self.basis = nn.Parameter(torch.empty(rank, dim))
        self.bias = nn.Parameter(torch.zeros(dim)) if bias else None

    def lookup(self, ids: Tensor) -> Tensor:
        """(N, dim) vectors of ``ids`` (N,)."""
        return self._widen(self.factor(ids))

    def rows(self) -> Tensor:
        """(n_rows, dim): all vectors."""
        return self._widen(self.factor.rows())

    def _widen(self, narrow: Tensor) -> Tensor:
        return narrow @ self.basis if self.bias is None else torch.addmm(self.bias, narrow, self.basis)

    @torch.no_grad()
    def start(self, rows: Tensor, generator: Generator) -> None:
        """Draw normal values such that each column has the variance of that column of ``rows`` (n_rows, dim)."""
        deviations = rows.square().mean(0).sqrt()
        overall = deviations.square().mean().sqrt().item() or 1.0
        rank = self.basis.shape[0]
        self.factor.weight.normal_(0.0, overall, generator=generator)
        self.basis.normal_(0.0, 1 / math.sqrt(rank), generator=generator).mul_(deviations / overall)


class LowRank(TableStage):
    """A table of r columns and a linear layer behind it, trained from the start.

    Initial values are normal, with the variance of the dense table's columns; a bias starts at 0.
    """

    Config: ClassVar[type] = LowRankConfig
    phase: ClassVar[Literal["build"]] = "build"
    modules: ClassVar[Mapping[str, type]] = {"table": LowRankTable}
    config: LowRankConfig

    def replace(self, dense: EmbeddingTable, limit: TableBudget, context: StageContext) -> LowRankTable:
        """A factor and a basis."""
        (n_rows, dim), bias = dense.weight.shape, self.config.bias
        rank = self.config.rank or limit.largest(lambda knob: LowRankTable(n_rows, dim, knob, bias), 1, dim)
        table = LowRankTable(n_rows, dim, min(rank, dim), bias)
        table.start(dense.rows().cpu(), context.generator)
        return table
