"""Narrow rows, and one matrix that makes them wide."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Generator, Tensor, nn

from rexp.compress.base.budget import RATIO, TableBudget, TableOptions
from rexp.compress.base.table_stage import TableStage
from rexp.errors import ConfigError
from rexp.nn.compact_embedding import CompactEmbedding
from rexp.nn.embedding import EmbeddingTable

if TYPE_CHECKING:
    from rexp.api import StageContext


@dataclass(frozen=True)
class LowRankConfig(TableOptions):
    """Options of :class:`LowRank`.

    Args:
        rank: width of the rows that are kept; null solves it from the budget.
        alpha: null gives each table its own share of the budget. A number gives all of them one budget, and fewer
            columns to those with more rows, ``rank_f`` in proportion to ``rows_f^-alpha`` (:func:`ranks_by_rows`);
            ``rank`` is then that of the table with most rows.
        bias: the layer behind the table has one. At ranks of 1 to 3 it is what lets a dot product have biases.
    """

    rank: int | None = None
    alpha: float | None = None
    bias: bool = False

    def __post_init__(self) -> None:
        self.check(rank=self.rank)
        if self.alpha is not None and self.alpha < 0:
            raise ValueError(f"alpha={self.alpha:g} must not be negative")
        if self.alpha is not None and self.unit == "ppd":
            raise ValueError(
                "unit=ppd sizes each table for itself, and alpha all of them together; take ratio or bytes"
            )


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


def ranks_by_rows(rows: Mapping[str, int], rank: int, alpha: float) -> dict[str, int]:
    """Columns of each table, ``rank (most rows / rows)^alpha``, rounded.

    Every field is asked for once a sample, so that a row of a table of n rows has the probability 1 / n, and its width
    is in proportion to that to the power of alpha (Ginart et al.: Mixed dimension embeddings, ISIT 2021, algorithm 2).

    Args:
        rows: of each table.
        rank: of the table with most rows.
        alpha: 0 gives all the same.

    >>> ranks_by_rows({"user": 1000, "hour": 10}, rank=2, alpha=0.5)
    {'user': 2, 'hour': 20}
    """
    most = max(rows.values())
    return {path: round(rank * (most / own) ** alpha) for path, own in rows.items()}


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
        given = self.config.rank if self.config.alpha is None else None
        rank = given or limit.largest(lambda knob: LowRankTable(n_rows, dim, knob, bias), 1, dim)
        table = LowRankTable(n_rows, dim, min(rank, dim), bias)
        table.start(dense.rows().cpu(), context.generator)
        return table

    def limits(self, found: Mapping[str, EmbeddingTable]) -> Mapping[str, TableBudget]:
        """With ``alpha``, the budget of each table is what its rank comes to.

        Raises:
            ConfigError: the budget is below what one column of the table with most rows, and what follows for the
                others, take.
        """
        alpha, ratio = self.config.alpha, self.config.budget or RATIO
        if alpha is None:
            return super().limits(found)
        dense = sum(table.nbytes() for table in found.values())
        most = self.config.budget if self.config.budget and self.config.unit == "bytes" else dense / ratio
        rows = {path: len(table.rows()) for path, table in found.items()}

        def sizes(rank: int) -> dict[str, int]:
            return {path: self._bytes(found[path], own) for path, own in ranks_by_rows(rows, rank, alpha).items()}

        def total(rank: int) -> int:
            return sum(min(own, found[path].nbytes()) for path, own in sizes(rank).items())

        widest = max(table.weight.shape[1] for table in found.values())
        rank = self.config.rank or max((r for r in range(1, widest + 1) if total(r) <= most), default=0)
        if rank == 0 and self.config.budget is not None:
            raise ConfigError(
                f"budget={self.config.budget:g} leaves {int(most)} bytes, and at alpha={alpha:g} these tables take "
                f"{total(1)} at least; raise it, or lower alpha"
            )
        return {path: TableBudget(own, "bytes", asked=False) for path, own in sizes(max(1, rank)).items()}

    def _bytes(self, dense: EmbeddingTable, rank: int) -> int:
        n_rows, dim = dense.weight.shape
        with torch.device("meta"):
            return LowRankTable(n_rows, dim, min(rank, dim), self.config.bias).nbytes()
