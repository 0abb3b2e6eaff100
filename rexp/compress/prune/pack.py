"""Tables without their zeros: a bit for each place, and the values that are there, as numbers or as codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from rexp.api import Requirement
from rexp.compress.base.bit_packing import pack, packed_width, unpack
from rexp.compress.base.budget import TableBudget
from rexp.compress.base.table_stage import TableStage
from rexp.compress.prune._importance import Importance, column_scales, scaled
from rexp.compress.prune._masks import Scope, topk_masks
from rexp.compress.prune._values import range_codes, zeros_of
from rexp.compress.prune.auto import Sparsity, check_sparsity, sparsity_found
from rexp.errors import RunError
from rexp.nn.compact_embedding import ROWS_AT_ONCE, CompactEmbedding
from rexp.nn.surgery import tables

if TYPE_CHECKING:
    from torch import nn

    from rexp.api import StageContext
    from rexp.nn.embedding import EmbeddingTable

Format = Literal["fp32", "fp16", "int8", "int4"]
Memory = Literal["packed", "dense"]
DTYPES: Mapping[str, torch.dtype] = {"fp16": torch.float16, "fp32": torch.float32}
BITS: Mapping[str, int] = {"int8": 8, "int4": 4}


@dataclass(frozen=True)
class PackConfig:
    """Options of :class:`Pack`.

    Args:
        targets, ignore: patterns of the tables' paths in the model.
        sparsity: share of the weights that are pruned first, all at once; null packs the zeros that are there, ``auto``
            takes the largest share that costs no more than ``tolerance`` on the validation part.
        tolerance: of ``auto``: share of the metric by which the epochs are chosen.
        importance: of that pruning: what is compared, the ``magnitude`` of weights or, by first order, the change of
            ``scores`` without one (its magnitude, times how far scores move with its column).
        scope: of that pruning: the smallest of all tables together (``global``), of each (``layer``), or of each
            ``row``.
        min_per_row: so many weights of a row stay in any case.
        values: format of what is kept; ``int8`` and ``int4`` are codes in one of 256 ranges, which a byte of
            their row names, relative to a scale of every column.
        memory: ``packed``: read as it is stored, by which a request of 100 candidates takes two to four times as long
            as of a dense table; ``dense``: unpacked beside it when it is first read, as fast as a dense table and
            larger than one. What is stored is the same.
    """

    targets: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()
    sparsity: Sparsity | None = None
    tolerance: float = 0.02
    importance: Importance = "magnitude"
    scope: Scope = "global"
    min_per_row: int = 1
    values: Format = "fp16"
    memory: Memory = "packed"

    def __post_init__(self) -> None:
        check_sparsity(self.sparsity, self.tolerance)
        if self.min_per_row < 0:
            raise ValueError(f"min_per_row={self.min_per_row} must not be negative")


class PackedTable(CompactEmbedding):
    """A row's bits say which columns are no zeros; their values lie one behind the other, row by row.

    Bits of whole bytes lie in ``bits``, a row's together; those of up to seven columns behind them in ``last_bits``, of
    all rows one behind the other, so that a 65th column, such as a bias, takes no byte of every row. Columns that are
    zero in every row have no bits. In memory, where that is so, a row's bits of all columns lie together in ``mask``.

    Args:
        n_rows, dim: the shape of the dense table.
        n_values: how many are no zeros.
        values: their format.
        memory: as :class:`PackConfig` has it.
        empty: columns that are zero in every row, ascending.
    """

    bits: Tensor
    last_bits: Tensor
    starts: Tensor
    values: Tensor
    ranges: Tensor
    columns: Tensor
    grid: Tensor
    zeros: Tensor
    scales: Tensor
    mask: Tensor | None
    unpacked: Tensor | None

    def __init__(
        self,
        n_rows: int,
        dim: int,
        n_values: int,
        values: Format,
        memory: Memory = "packed",
        empty: Sequence[int] = (),
    ) -> None:
        super().__init__(n_rows, dim, n_values=n_values, values=values, memory=memory, empty=list(empty))
        self.code_bits = BITS.get(values, 0)
        self.stored = [column for column in range(dim) if column not in set(empty)]
        width = len(self.stored)
        self.last = width % 8
        self.register_buffer("bits", torch.zeros(n_rows, width // 8, dtype=torch.uint8))
        self.register_buffer("last_bits", torch.zeros(packed_width(n_rows * self.last, 1), dtype=torch.uint8))
        places = torch.int32 if n_values < 2**31 else torch.int64
        self.register_buffer("starts", torch.zeros(n_rows, dtype=places), persistent=False)
        # One more, for the places where nothing is read.
        if self.code_bits:
            n_bytes = packed_width(n_values + 1, self.code_bits)
            self.register_buffer("values", torch.zeros(n_bytes, dtype=torch.uint8))
            self.register_buffer("ranges", torch.zeros(n_rows, dtype=torch.uint8))
            self.register_buffer("columns", torch.ones(width))
            self.register_buffer("grid", torch.zeros(2))
            self.register_buffer("scales", torch.ones(dim), persistent=False)
            self.register_buffer("zeros", torch.tensor(zeros_of(self.code_bits)), persistent=False)
        else:
            self.register_buffer("values", torch.zeros(n_values + 1, dtype=DTYPES[values]))
        mask = torch.zeros(n_rows, packed_width(dim, 1), dtype=torch.uint8) if width < dim or self.last else None
        self.register_buffer("mask", mask, persistent=False)
        self.register_buffer("unpacked", None, persistent=False)

    def lookup(self, ids: Tensor) -> Tensor:
        """(N, dim) vectors of ``ids`` (N,)."""
        if self.options["memory"] == "packed" or torch.compiler.is_exporting():
            return self._unpack(ids)
        if self.unpacked is None:
            blocks = torch.split(torch.arange(self.n_rows, device=self.bits.device), ROWS_AT_ONCE)
            self.unpacked = torch.cat([self._unpack(block) for block in blocks])
        return self.unpacked.index_select(0, ids)

    def _unpack(self, ids: Tensor) -> Tensor:
        there = self._there(ids)
        places = there.int().cumsum(1) - 1 + self.starts.index_select(0, ids).unsqueeze(1)
        places = torch.where(there, places, self.options["n_values"])  # where the 0 lies
        if not self.code_bits:
            return self.values.index_select(0, places.flatten()).view(-1, self.dim).float()
        low, step = self.grid.unbind()
        ranges = self.ranges.index_select(0, ids).long().unsqueeze(1)
        scale, zero = (low + step * (ranges // 8)).exp(), self.zeros[ranges % 8]
        return torch.where(there, (self._codes(places) + 0.5 - zero) * scale * self.scales, 0.0)

    def _there(self, ids: Tensor) -> Tensor:
        """(N, dim) bool: which columns of rows are no zeros."""
        bits = self.bits if self.mask is None else self.mask
        return unpack(bits.index_select(0, ids), 1, self.dim).bool()

    def _codes(self, places: Tensor) -> Tensor:
        """The codes that lie at some places, in their shape."""
        each = 8 // self.code_bits
        together = self.values.index_select(0, places.flatten() // each).view(-1, self.dim).int()
        return together if each == 1 else torch.where(places % each == 0, together % 16, together // 16)

    def n_codes(self) -> int:
        """Every value that is stored as one."""
        return int(self.options["n_values"]) if self.code_bits else 0

    @torch.no_grad()
    def take(self, rows: Tensor) -> None:
        """Pack (n_rows, dim) vectors.

        Raises:
            RunError: a value is too large for the format.
        """
        self.unpacked = None
        rows = rows[:, self.stored]
        there = rows != 0
        whole = len(self.stored) - self.last
        self.bits.copy_(pack(there[:, :whole].to(torch.uint8), 1))
        self.last_bits.copy_(pack(there[:, whole:].reshape(1, -1).to(torch.uint8), 1)[0])
        if self.code_bits:
            found = range_codes(rows, there, self.code_bits)
            self.values.copy_(pack(F.pad(found.codes, (0, 1)).view(1, -1), self.code_bits)[0])
            self.ranges.copy_(found.ranges)
            self.columns.copy_(found.columns)
            self.grid.copy_(found.grid)
        else:
            self.values[:-1] = rows[there].to(self.values.dtype)
            if not self.values.isfinite().all():
                raise RunError(f"a table has values up to {rows.abs().max():g}: too large for fp16; take values=fp32")
        self._prepare()

    def _prepare(self) -> None:
        """What follows from what is stored: all columns' bits and scales, and where the values of each row begin."""
        blocks = torch.split(torch.arange(self.n_rows, device=self.bits.device), ROWS_AT_ONCE)
        if self.code_bits:
            self.scales[self.stored] = self.columns
        if self.mask is not None:
            last = unpack(self.last_bits.unsqueeze(0), 1, self.n_rows * self.last).view(self.n_rows, self.last)
            for block in blocks:
                there = last.new_zeros(len(block), self.dim)
                whole = unpack(self.bits.index_select(0, block), 1, len(self.stored) - self.last)
                there[:, self.stored] = torch.cat([whole, last.index_select(0, block)], 1)
                self.mask[block] = pack(there, 1)
        counts = torch.cat([self._there(block).sum(1, dtype=torch.int32) for block in blocks])
        self.starts.copy_(counts.cumsum(0) - counts)

    def _load_from_state_dict(self, *arguments: Any) -> None:
        super()._load_from_state_dict(*arguments)
        self.unpacked = None
        self._prepare()


class Pack(TableStage):
    """Sparse tables as they are stored: 1 bit a place and 2 bytes a value; with codes of 4 bits half a byte a value and
    1 a row. (Compressed rows with their usual 8-byte indices are larger than the dense table at half the weights.)"""

    Config: ClassVar[type] = PackConfig
    phase: ClassVar[Literal["post"]] = "post"
    trainable_after: ClassVar[bool] = False
    stores_masks: ClassVar[bool] = True
    modules: ClassVar[Mapping[str, type]] = {"table": PackedTable}
    config: PackConfig

    def __init__(self, config: PackConfig) -> None:
        super().__init__(config)
        if config.sparsity == "auto":
            self.needs = self.needs | {Requirement.VALIDATION}  # of what is chosen

    @torch.no_grad()
    def apply(self, model: nn.Module, context: StageContext) -> None:
        """Prune where that is asked for, and swap the tables in place."""
        config, sparsity = self.config, self.config.sparsity
        if sparsity is not None:
            dense = [table.weight for table in tables(model, config.targets, config.ignore).values()]
            scales = column_scales(config.importance, model, dense, context)

            def masks(share: float) -> list[Tensor]:
                return topk_masks(scaled(dense, scales), share, config.scope, config.min_per_row)

            if sparsity == "auto":
                sparsity = sparsity_found(dense, masks, config.tolerance, context)
            for matrix, mask in zip(dense, masks(sparsity), strict=True):
                matrix.mul_(mask)
        super().apply(model, context)

    def limits(self, found: Mapping[str, EmbeddingTable]) -> Mapping[str, TableBudget]:
        """No budget: the stage has no option to solve for."""
        return {path: TableBudget(table.nbytes(), "bytes", False) for path, table in found.items()}

    def replace(self, dense: EmbeddingTable, limit: TableBudget, context: StageContext) -> PackedTable:
        """The values that are there."""
        rows = dense.rows().cpu()
        n_rows, dim = rows.shape
        empty = (rows == 0).all(0).nonzero().flatten().tolist()[: dim - 1]  # of a table of zeros one column stays
        table = PackedTable(n_rows, dim, int(rows.count_nonzero()), self.config.values, self.config.memory, empty)
        table.take(rows)
        return table
