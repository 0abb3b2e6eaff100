"""The values of a sparse table as whole numbers in one of 256 ranges, which a byte of their row names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rexp.compress.quantize._ranges import column_scales
from rexp.nn.compact_embedding import ROWS_AT_ONCE

Array = np.ndarray[Any, Any]
ZEROS = (2, 4, 6, 7, 9, 10, 12, 14)
"""Where 0 lies in a range, in sixteenths of it: most rows reach further to one side than to the other."""
SCALES = 32
"""Scales of a range, from the smallest that a row of the table needs to the largest, in steps of equal ratio."""
SMALLEST = 0.01
"""Of the median: the smallest scale that counts, so that rows of next to nothing do not make the steps larger."""
NARROWER = 4
"""Scales that are tried of a row: the one that covers it, and such smaller ones, finer at the cost of the ends."""
ROUNDING = 1e-3
"""Share of a step between two scales by which one may be too small, as logarithms are rounded."""


@dataclass(frozen=True)
class RangeCodes:
    """What stands for the values: ``column · scale · (code + 1/2 - zero)``; no code is 0, as no value that is there is.

    Args:
        codes: (V,) uint8 row by row.
        ranges: (N,) uint8, of every row ``8 s + z``: ``scale = exp(low + step · s)``, and z the place in :data:`ZEROS`.
        columns: (D,) float32.
        grid: (2,) float32: low and step.
    """

    codes: Tensor
    ranges: Tensor
    columns: Tensor
    grid: Tensor


def zeros_of(bits: int) -> tuple[int, ...]:
    """:data:`ZEROS` in codes of so many bits."""
    return tuple(zero * 2 ** (bits - 4) for zero in ZEROS)


def range_codes(rows: Tensor, there: Tensor, bits: int) -> RangeCodes:
    """Codes near the values that are there: what is not there, a zero, has none and stays one.

    Of the ranges that cover its values and some that are narrower, each row takes that of the smallest squared error.

    Args:
        rows: (N, D) float32 on the CPU.
        there: (N, D) bool.
        bits: of a code, 8 or 4.
    """
    values, mask, levels, zeros = rows.numpy(), there.numpy(), 2**bits - 1, np.array(zeros_of(bits))
    columns = column_scales(values, mask)
    # A block of rows at a time: what lies between values and codes is several times as large as they are.
    blocks = [slice(start, start + ROWS_AT_ONCE) for start in range(0, len(values), ROWS_AT_ONCE)]
    needed = np.concatenate([_needed(_wide(values[at], mask[at], columns), zeros, levels) for at in blocks])
    low, high = _ends(needed.min(1)[mask.any(1)])
    grid = Grid(low, (high - low) / (SCALES - 1), zeros, levels)
    found = [_nearest(_wide(values[at], mask[at], columns), mask[at], columns, needed[at], grid) for at in blocks]
    codes, ranges = (torch.from_numpy(np.concatenate(parts)) for parts in zip(*found, strict=True))
    return RangeCodes(codes, ranges, torch.from_numpy(columns), torch.tensor([low, grid.step], dtype=torch.float32))


@dataclass(frozen=True)
class Grid:
    """The ranges that a row may take.

    Args:
        low, step: logarithms of the smallest scale, and of the ratio of two neighbors.
        zeros: (8,) where 0 lies, in codes.
        levels: the largest code.
    """

    low: float
    step: float
    zeros: Array
    levels: int


def _wide(values: Array, mask: Array, columns: Array) -> Array:
    """(N, D) values relative to the scales of their columns, 0 where there is none."""
    return np.where(mask, values / columns, np.float32(0))


def _needed(wide: Array, zeros: Array, levels: int) -> Array:
    """(N, 8): the smallest scale that covers each row, by where 0 lies."""
    below, above = -wide.min(1, keepdims=True).clip(max=0), wide.max(1, keepdims=True).clip(min=0)
    covering: Array = np.maximum(below / (zeros - 0.5), above / (levels + 0.5 - zeros)).astype(np.float32)
    return covering


def _nearest(wide: Array, mask: Array, columns: Array, needed: Array, grid: Grid) -> tuple[Array, Array]:
    """The codes (V,) of rows (N, D), row by row, and their ranges (N,): those of the smallest squared error."""
    errors = np.full((len(wide), 1), np.inf, np.float32)
    codes, ranges = np.zeros(wide.shape, np.uint8), np.zeros((len(wide), 1), np.uint8)
    low, high = grid.low, grid.low + grid.step * (SCALES - 1)
    for place, zero in enumerate(grid.zeros.tolist()):
        exact = (np.log(np.clip(needed[:, place : place + 1], np.exp(low), np.exp(high))) - low) / (grid.step or 1)
        covering = np.ceil(exact - ROUNDING)
        for narrower in range(NARROWER):
            scales = np.clip(covering - narrower, 0, SCALES - 1)
            scale = np.exp(low + grid.step * scales).astype(np.float32)
            found = np.rint(wide / scale + np.float32(zero - 0.5)).clip(0, grid.levels)
            off = ((found + np.float32(0.5 - zero)) * scale - wide) * columns
            error = np.where(mask, np.square(off), np.float32(0)).sum(1, keepdims=True)
            better = error < errors
            codes = np.where(better, found.astype(np.uint8), codes)
            ranges = np.where(better, (8 * scales + place).astype(np.uint8), ranges)
            errors = np.minimum(error, errors)
    return codes[mask], ranges[:, 0]


def _ends(least: Array) -> tuple[float, float]:
    """Logarithms of the smallest and of the largest of the scales that rows need."""
    if not len(least):
        return 0.0, 0.0
    return float(np.log(max(least.min(), SMALLEST * np.median(least)))), float(np.log(least.max()))
