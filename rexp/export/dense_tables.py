"""Tables that other runtimes cannot read as they are stored, in a form that they can."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rexp.compress.base.bit_packing import packed_width, unpack
from rexp.compress.quantize.rowwise import RowwiseTable
from rexp.nn.compact_embedding import CompactEmbedding
from rexp.nn.surgery import replace_module


class SplitRows(CompactEmbedding):
    """Rows of few bits whose scale and offset are numbers of a tensor of their own: ONNX reads no number from bytes.

    Args:
        table: as it is stored.
    """

    codes: Tensor
    ends: Tensor
    columns: Tensor | None

    def __init__(self, table: RowwiseTable) -> None:
        super().__init__(table.n_rows, table.dim)
        self.bits, width = table.bits, packed_width(table.dim, table.bits)
        ends = table.packed[:, width:].clone(memory_format=torch.contiguous_format)
        self.register_buffer("codes", table.packed[:, :width].contiguous())
        self.register_buffer("ends", ends.view(table.kind))
        self.register_buffer("columns", table.columns)

    def lookup(self, ids: Tensor) -> Tensor:
        """(N, dim) vectors of ``ids`` (N,)."""
        scale, offset = torch.split(self.ends.index_select(0, ids).float(), 1, 1)
        vectors: Tensor = offset + scale * unpack(self.codes.index_select(0, ids), self.bits, self.dim).float()
        return vectors if self.columns is None else vectors * self.columns


def make_exportable(model: nn.Module) -> None:
    """Swap the tables that need it, in place."""
    for path, module in list(model.named_modules()):
        if isinstance(module, RowwiseTable):
            replace_module(model, path, SplitRows(module))
