"""Tables that other runtimes cannot read as they are stored, in a form that they can."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rexp.compress.base.bit_packing import packed_width, unpack
from rexp.compress.quantize.rowwise import RowwiseTable
from rexp.nn.compact_embedding import CompactEmbedding
from rexp.nn.surgery import replace_module


class SplitRows(CompactEmbedding):
    """Rows of few bits whose scale and offset are numbers of a tensor of their own: ONNX reads no number from bytes.

    Where a byte holds several numbers they lie so that its lowest bits are in the first columns, its highest in the
    last: two operations on whole bytes take them apart, and none has to mix them again.

    Args:
        table: as it is stored.
    """

    codes: Tensor
    ends: Tensor
    columns: Tensor | None

    def __init__(self, table: RowwiseTable) -> None:
        super().__init__(table.n_rows, table.dim)
        self.bits, width = table.bits, packed_width(table.dim, table.bits)
        codes = unpack(table.packed[:, :width], table.bits, table.dim)
        ends = table.packed[:, width:].clone(memory_format=torch.contiguous_format)
        self.register_buffer("codes", _planes_joined(codes, table.bits))
        self.register_buffer("ends", ends.view(table.kind))
        self.register_buffer("columns", table.columns)

    def forward(self, ids: Tensor) -> Tensor:
        """The vectors of ``ids``, in their shape with ``dim`` behind it."""
        scale, offset = torch.split(F.embedding(ids, self.ends).float(), 1, -1)
        vectors = offset + scale * self._numbers(F.embedding(ids, self.codes).float())
        return vectors if self.columns is None else vectors * self.columns

    def lookup(self, ids: Tensor) -> Tensor:
        """(N, dim) vectors of ``ids`` (N,)."""
        return self.forward(ids)

    def _numbers(self, rest: Tensor) -> Tensor:
        """(..., dim) from bytes (..., W) as floats, which are exact: ONNX's runtimes shift few types of integers."""
        planes = []
        for _ in range(8 // self.bits - 1):
            higher = (rest * 2.0**-self.bits).floor()
            planes.append(rest - higher * 2.0**self.bits)
            rest = higher
        return torch.cat([*planes, rest], -1)[..., : self.dim] if planes else rest


def _planes_joined(codes: Tensor, bits: int) -> Tensor:
    """(N, W) bytes of numbers (N, C): the first W columns in the lowest bits, the next W above them, and so on."""
    each = 8 // bits
    planes = F.pad(codes, (0, -codes.shape[1] % each)).view(len(codes), each, -1)
    shifts = torch.arange(0, 8, bits, dtype=torch.uint8)
    joined: Tensor = (planes << shifts.unsqueeze(1)).sum(1, dtype=torch.uint8)
    return joined


def make_exportable(model: nn.Module) -> None:
    """Swap the tables that need it, in place."""
    for path, module in list(model.named_modules()):
        if isinstance(module, RowwiseTable):
            replace_module(model, path, SplitRows(module))
