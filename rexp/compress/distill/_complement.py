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

    def draw(self, k: int, generator: Generator, rows: Tensor | None = None) -> Tensor:
        """(R, k) int32: distinct columns, uniform among those that a row does not hold; -1 where there are fewer.

        Args:
            k: draws of each row.
            generator: the source of chance.
            rows: (R,) of these rows; None for all.
        """
        rows = torch.arange(self.n_rows) if rows is None else rows
        drawn = torch.empty(len(rows), k, dtype=torch.int32)
        for start in range(0, len(rows), ROWS_AT_ONCE):
            block = rows[start : start + ROWS_AT_ONCE]
            ranks = draw_distinct(self.n_columns - self.counts[block], k, generator)
            drawn[start : start + len(block)] = self._columns(block, ranks)
        return drawn

    def _columns(self, rows: Tensor, ranks: Tensor) -> Tensor:
        """The columns of these ranks (B, k) among the others of rows (B,)."""
        count, stride = self.counts[rows], self.n_columns + 1
        first = count.cumsum(0) - count
        places = torch.arange(int(count.sum())) + (self.offsets[rows] - first).repeat_interleave(count)
        row = torch.arange(len(rows))
        keys = row.repeat_interleave(count) * stride + self.shifted[places]
        wanted = row[:, None] * stride + ranks.clamp(min=0)
        before = torch.searchsorted(keys, wanted, right=True) - first[:, None]
        return (ranks + before).where(ranks != PADDING, PADDING)
