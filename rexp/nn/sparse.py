"""Sparse matrices as parts of a model: what closed-form models learn, and what they see of the training part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from rexp.nn.resizable import Resizable

if TYPE_CHECKING:
    from rexp.data.split import Split


class SparseMatrix(Resizable):
    """A matrix of float32 in compressed rows (CSR), kept in buffers; empty until :meth:`assign`.

    scipy computes with it, on the CPU: a product of two sparse matrices is much cheaper than one with a dense factor.

    Args:
        n_rows, n_columns: its shape; None for columns that are known once it is assigned.
        persistent: it belongs to the weights, and is written with them.
    """

    starts: Tensor
    columns: Tensor
    values: Tensor

    def __init__(self, n_rows: int, n_columns: int | None, *, persistent: bool = True) -> None:
        super().__init__()
        self.n_rows, self.n_columns = n_rows, n_columns
        self.register_buffer("starts", torch.zeros(n_rows + 1, dtype=torch.int64), persistent)
        self.register_buffer("columns", torch.zeros(0, dtype=torch.int32), persistent)
        self.register_buffer("values", torch.zeros(0), persistent)
        self.longest = 0
        """Numbers of the fullest row, known without asking the device."""

    def assign(self, matrix: Any) -> None:
        """Take the content of a scipy matrix of the same shape.

        Raises:
            ValueError: it has another shape.
        """
        if matrix.shape != (self.n_rows, self.n_columns or matrix.shape[1]):
            raise ValueError(f"the matrix has the shape {matrix.shape}, not {self.shape}")
        rows = csr_array(matrix)
        rows.sort_indices()
        self.longest = int(np.diff(rows.indptr).max(initial=0))
        device = self.values.device
        self.starts = torch.from_numpy(rows.indptr.astype(np.int64)).to(device)
        self.columns = torch.from_numpy(rows.indices.astype(np.int32)).to(device)
        self.values = torch.from_numpy(rows.data.astype(np.float32)).to(device)

    def _load_from_state_dict(self, *given: Any) -> None:
        super()._load_from_state_dict(*given)
        self.longest = int(self.starts.diff().max()) if len(self.columns) else 0

    def dense_rows(self, rows: Tensor) -> Tensor:
        """(B, n_columns) float32: the rows (B,) of a matrix whose columns are known, on its own device.

        On the CPU scipy is faster; elsewhere each row is read up to the length of the fullest one, so that no size
        depends on a value, and nothing waits for the device.
        """
        if self.values.device.type == "cpu":
            return dense(self.scipy()[rows.numpy()], self.values)
        return self.padded_rows(rows)

    def padded_rows(self, rows: Tensor) -> Tensor:
        """What :meth:`dense_rows` does beside the CPU; what is beyond a row goes into a column that is cut off."""
        assert self.n_columns is not None
        made = self.values.new_zeros(len(rows), self.n_columns + 1)
        if not self.longest:
            return made[:, :-1]
        places = self.starts[rows].unsqueeze(1) + torch.arange(self.longest, device=rows.device)
        inside = places < self.starts[rows + 1].unsqueeze(1)
        places = places.clamp(max=len(self.columns) - 1)
        columns = torch.where(inside, self.columns[places].long(), self.n_columns)
        return made.scatter_(1, columns, self.values[places])[:, :-1]

    @property
    def shape(self) -> tuple[int, int]:
        """Of the matrix; columns that are not known beforehand reach to the last that holds a number."""
        if self.n_columns is not None:
            return self.n_rows, self.n_columns
        return self.n_rows, int(self.columns.max()) + 1 if len(self.columns) else 0

    def scipy(self) -> csr_array:
        """The matrix as scipy has it; on the CPU it shares the memory."""
        starts, columns, values = (part.cpu().numpy() for part in (self.starts, self.columns, self.values))
        return csr_array((values, columns, starts), shape=self.shape)


def interaction_matrix(split: Split) -> csr_array:
    """(n_users, n_items) float32: 1 where the user took the item in the training part, however often."""
    offsets, items = split.user_items(["train"])
    return csr_array((np.ones(len(items), np.float32), items, offsets), shape=(split.n_users, split.n_items))


def dense(matrix: csr_array, like: Tensor) -> Tensor:
    """A dense float32 tensor on the device of ``like``."""
    return torch.from_numpy(matrix.toarray().astype(np.float32, copy=False)).to(like.device)
