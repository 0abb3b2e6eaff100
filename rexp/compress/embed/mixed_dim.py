"""Wide rows for what is popular, narrow ones for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from rexp.compress.base.budget import TableBudget, TableOptions
from rexp.compress.base.table_stage import TableStage
from rexp.compress.embed.lowrank import LowRankTable
from rexp.nn.compact_embedding import CompactEmbedding
from rexp.nn.embedding import EmbeddingTable

if TYPE_CHECKING:
    from rexp.api import StageContext
    from rexp.data.split import Split


@dataclass(frozen=True)
class MixedDimensionConfig(TableOptions):
    """Options of :class:`MixedDimension`.

    Args:
        width: of the most popular rows; null solves it from the budget.
        alpha: how fast the width falls with popularity; at 0 all have the same.
        blocks: of rows with about the same number of interactions each, hence one width.
    """

    width: int | None = None
    alpha: float = 0.3
    blocks: int = 8

    def __post_init__(self) -> None:
        self.check(width=self.width)
        if self.alpha < 0:
            raise ValueError(f"alpha={self.alpha} must not be negative")
        if self.blocks < 1:
            raise ValueError(f"blocks={self.blocks} must be 1 or more")


class MixedDimensionTable(CompactEmbedding):
    """Blocks of rows, most popular first, each a narrow table with a matrix that makes it wide.

    Args:
        n_rows, dim: the shape of the dense table.
        sizes: rows of each block.
        widths: columns of each block; ``dim`` needs no matrix.
    """

    places: Tensor
    ends: Tensor

    def __init__(self, n_rows: int, dim: int, sizes: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__(n_rows, dim, sizes=list(sizes), widths=list(widths))
        self.register_buffer("places", torch.zeros(n_rows, dtype=torch.int32))
        self.register_buffer("ends", torch.tensor(np.cumsum(sizes)), persistent=False)
        self.blocks = nn.ModuleList(
            EmbeddingTable(size, dim) if width == dim else LowRankTable(size, dim, width)
            for size, width in zip(sizes, widths, strict=True)
        )

    def lookup(self, ids: Tensor) -> Tensor:
        """(N, dim) vectors of ``ids`` (N,)."""
        places = self.places[ids].long()
        owners = torch.bucketize(places, self.ends, right=True)
        if torch.compiler.is_compiling():  # how many rows a block gets is no shape that could be traced
            return self._of_every_block(places, owners)
        found, order = [], []
        for block, (table, size) in enumerate(zip(self.blocks, self.options["sizes"], strict=True)):
            chosen = (owners == block).nonzero().squeeze(1)
            found.append(table(places[chosen] - self.ends[block] + size))
            order.append(chosen)
        return torch.cat(found)[torch.cat(order).argsort()]

    def _of_every_block(self, places: Tensor, owners: Tensor) -> Tensor:
        """(N, dim): each block is asked for all rows, and its own are taken."""
        rows = torch.zeros(places.shape[0], self.dim, device=places.device)  # len() would be traced as a constant
        for block, (table, size) in enumerate(zip(self.blocks, self.options["sizes"], strict=True)):
            inside = (places - self.ends[block] + size).clamp(0, size - 1)
            rows = torch.where((owners == block).unsqueeze(1), table(inside), rows)
        return rows


def blocks_of(popularity: Tensor, n: int) -> list[int]:
    """Sizes of n blocks of rows, most popular first, that hold about the same number of interactions each.

    Args:
        popularity: (R,) interactions of each row, falling.
        n: blocks; fewer come back where one row fills several. Every row counts one more than it has.
    """
    counts = popularity.double() + 1
    block = (n * (counts.cumsum(0) - counts / 2) / counts.sum()).long()
    return [int(size) for size in block.bincount() if size]


def widths_of(sizes: Sequence[int], width: int, alpha: float) -> list[int]:
    """``width (size_1 / size_b)^alpha``, rounded, at least 1 (Ginart et al. 2021, algorithm 2).

    Blocks are asked for alike, so that a row's probability is in proportion to 1 / size. No width is above one before.
    """
    return [max(1, round(width * (sizes[0] / size) ** alpha)) for size in accumulate(sizes, max)]


def joined(sizes: Sequence[int], widths: Sequence[int]) -> tuple[list[int], list[int]]:
    """Sizes and widths, neighbors of one width together.

    >>> joined([2, 3, 4], [8, 4, 4])
    ([2, 7], [8, 4])
    """
    distinct = list(dict.fromkeys(widths))  # widths only fall
    return [sum(size for size, own in zip(sizes, widths, strict=True) if own == width) for width in distinct], distinct


def row_popularity(n_rows: int, split: Split) -> Tensor | None:
    """(n_rows,) training interactions of each row of a table of users or items, as its size says; None for others."""
    by_size: dict[int, Any] = {
        split.n_users: lambda: np.diff(split.user_items(["train"])[0]),
        split.n_items: lambda: split.train_users_per_item,
    }
    if n_rows not in by_size or split.n_users == split.n_items:
        return None
    return torch.from_numpy(by_size[n_rows]().copy())


class MixedDimension(TableStage):
    """Mixed dimension embeddings (Ginart et al., ISIT 2021), in blocks of like popularity.

    Initial values are the dense table's in a block of full width, and normal with its columns' variance in others.
    """

    Config: ClassVar[type] = MixedDimensionConfig
    phase: ClassVar[Literal["build"]] = "build"
    modules: ClassVar[Mapping[str, type]] = {"table": MixedDimensionTable}
    config: MixedDimensionConfig

    def replace(self, dense: EmbeddingTable, limit: TableBudget, context: StageContext) -> MixedDimensionTable | None:
        """Blocks by popularity; a table of neither users nor items is left alone."""
        n_rows, dim = dense.weight.shape
        if (counts := row_popularity(n_rows, context.split)) is None:
            return None
        popularity, order = counts.sort(descending=True, stable=True)
        sizes = blocks_of(popularity, self.config.blocks)

        def make(width: int) -> MixedDimensionTable:
            return MixedDimensionTable(n_rows, dim, *joined(sizes, widths_of(sizes, width, self.config.alpha)))

        table = make(min(dim, self.config.width or limit.largest(make, 1, dim)))
        table.places[order] = torch.arange(n_rows, dtype=torch.int32)
        parts = torch.split(dense.rows().cpu()[order], table.options["sizes"])
        for block, rows in zip(table.blocks, parts, strict=True):
            if isinstance(block, LowRankTable):
                block.start(rows, context.generator)
            else:
                assert isinstance(block, EmbeddingTable)
                block.assign(rows)
        return table
