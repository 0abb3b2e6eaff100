"""Base class of compact embedding tables."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

ROWS_AT_ONCE = 8192
"""Rows that are materialized together, so that what lies between ids and rows is bounded."""


class CompactEmbedding(nn.Module):
    """A table that is smaller than its ``n_rows`` vectors of size ``dim``; models read it as they read a dense one.

    A table of this form says in :meth:`lookup` how ids come to vectors.

    Args:
        n_rows, dim: the shape of the dense table.
        options: further keyword arguments of the constructor, plain values.
    """

    def __init__(self, n_rows: int, dim: int, **options: Any) -> None:
        super().__init__()
        self.n_rows, self.dim, self.options = n_rows, dim, options

    def lookup(self, ids: Tensor) -> Tensor:
        """(N, dim) vectors of ``ids`` (N,)."""
        raise NotImplementedError

    def forward(self, ids: Tensor) -> Tensor:
        """The vectors of ``ids``, in their shape with ``dim`` behind it.

        Of more ids than there are rows every row is made once, and its vector copied.
        """
        in_row = ids.dim() == 1  # already; a view of it would take as long as to read a few rows
        flat = ids if in_row else ids.reshape(-1)
        every_row = flat.numel() > self.n_rows and not torch.compiler.is_compiling()
        vectors = self.rows().index_select(0, flat) if every_row else self.lookup(flat)
        return vectors if in_row else vectors.view(*ids.shape, self.dim)

    def rows(self) -> Tensor:
        """(n_rows, dim): all vectors, made in blocks."""
        ids = torch.arange(self.n_rows, device=next(iter(self.state_dict().values())).device)
        return torch.cat([self.lookup(block) for block in torch.split(ids, ROWS_AT_ONCE)])

    def nbytes(self) -> int:
        """Bytes of all that is stored: codes, scales and coefficients of hashes among them."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self.state_dict().values())

    def n_codes(self) -> int:
        """Numbers that are stored as codes, several to a byte or one; none unless a table says so."""
        return 0

    def __getattr__(self, name: str) -> Any:
        """``weight`` is all vectors, for a model that was written for ``nn.Embedding`` and reads them so."""
        if name == "weight" and name not in self._buffers and name not in self._parameters:
            return self.rows()
        return super().__getattr__(name)

    def describe(self) -> dict[str, Any]:
        """Constructor arguments that recreate an empty table of this form."""
        return {"n_rows": self.n_rows, "dim": self.dim, **self.options}
