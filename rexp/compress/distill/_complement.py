"""Uniform draws from what a row does not hold: the items that a user neither took nor is known to like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor

from rexp.compress.distill._sampling import draw_distinct
from rexp.data.types import PADDING

if TYPE_CHECKING:
    import numpy as np

ROWS_AT_ONCE = 4096
"""Rows that are worked on at once, which bounds the memory of a draw."""


class Complement:
    """The columns that each row does not hold.

    The j-th column outside the held h_0 < h_1 < ... is ``j + |{m: h_m - m <= j}|``, so ranks that are drawn among
    the others become columns by one binary search, without rejection.

    Args:
        held: in compressed rows: offsets (R + 1,) int64 and columns int32, ascending and distinct within a row.
        more: (R, k) int32 columns that are held too, in any order, padded with -1; or None.
        n_columns: columns in all.
    """

    def __init__(self, held: tuple[np.ndarray, np.ndarray], more: Tensor | None, n_columns: int) -> None:
        offsets, columns = (torch.from_numpy(part) for part in held)
        self.n_rows, self.n_columns = len(offsets) - 1, n_columns
        counts, shifted = [], []
        for start in range(0, self.n_rows, ROWS_AT_ONCE):
            end = min(start + ROWS_AT_ONCE, self.n_rows)
            rows = torch.arange(end - start).repeat_interleave(offsets[start : end + 1].diff())
            keys = rows * n_columns + columns[int(offsets[start]) : int(offsets[end])]
            if more is not None:
                block = more[start:end]
                at = torch.arange(end - start)[:, None] * n_columns + block
                keys = torch.unique(torch.cat([keys, at[block != PADDING]]))
            count = torch.bincount(keys // n_columns, minlength=end - start)
            place = torch.arange(len(keys)) - (count.cumsum(0) - count).repeat_interleave(count)
            counts.append(count)
            shifted.append((keys % n_columns - place).int())
        self.counts = torch.cat(counts) if counts else torch.zeros(0, dtype=torch.int64)
        self.shifted = torch.cat(shifted) if shifted else torch.zeros(0, dtype=torch.int32)
        self.offsets = torch.cat([torch.zeros(1, dtype=torch.int64), self.counts.cumsum(0)])

    def draw(self, k: int, generator: Generator) -> Tensor:
        """(R, k) int32: distinct columns, uniform among those that a row does not hold; -1 where there are fewer."""
        drawn = torch.empty(self.n_rows, k, dtype=torch.int32)
        for start in range(0, self.n_rows, ROWS_AT_ONCE):
            end = min(start + ROWS_AT_ONCE, self.n_rows)
            ranks = draw_distinct(self.n_columns - self.counts[start:end], k, generator)
            drawn[start:end] = self._columns(start, end, ranks)
        return drawn

    def _columns(self, start: int, end: int, ranks: Tensor) -> Tensor:
        """The columns of these ranks (B, k) among the others of rows start .. end - 1."""
        count = self.counts[start:end]
        stride = self.n_columns + 1
        row = torch.arange(end - start)
        keys = row.repeat_interleave(count) * stride + self.shifted[int(self.offsets[start]) : int(self.offsets[end])]
        wanted = row[:, None] * stride + ranks.clamp(min=0)
        before = torch.searchsorted(keys, wanted, right=True) - (count.cumsum(0) - count)[:, None]
        return (ranks + before).where(ranks != PADDING, PADDING)
