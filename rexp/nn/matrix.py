"""A dense matrix as a part of a model whose width is known once it is fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rexp.nn.resizable import Resizable

if TYPE_CHECKING:
    import numpy as np


class DenseMatrix(Resizable):
    """``n_rows`` vectors of float32 in a buffer that is written with the weights; of width 0 until :meth:`assign`."""

    values: Tensor

    def __init__(self, n_rows: int) -> None:
        super().__init__()
        self.register_buffer("values", torch.zeros(n_rows, 0))

    def assign(self, rows: np.ndarray[Any, Any]) -> None:
        """Take these (n_rows, D) vectors."""
        if len(rows) != len(self.values):
            raise ValueError(f"{len(rows)} rows cannot take the place of {len(self.values)}")
        self.values = torch.from_numpy(rows.astype("float32")).to(self.values.device)
