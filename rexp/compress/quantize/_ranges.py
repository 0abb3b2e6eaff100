"""The range of values that whole numbers stand for, row by row."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
BINS, SHRINK = 200, 0.16
"""Of the greedy search: a step is 1 / 200 of the range, and 16 % of it are searched."""


def full_ranges(rows: Array) -> tuple[Array, Array]:
    """Lowest and highest value (N, 1) of each of ``rows`` (N, D)."""
    return rows.min(1, keepdims=True), rows.max(1, keepdims=True)


def greedy_ranges(rows: Array, levels: int) -> tuple[Array, Array]:
    """Narrower ranges with a smaller squared error (Guan et al. 2019, algorithm 1).

    Every step takes 1 / 200 off the end where the loss is smaller then; the best range on the way is the result. (torch
    has the same search, but takes a range only where the loss grows to both sides.)

    Args:
        rows: (N, D) float32.
        levels: the largest code.

    Returns:
        low and high (N, 1).
    """
    low, high = full_ranges(rows)
    step = (high - low) / np.float32(BINS)
    best, best_low, best_high = _loss(rows, low, high, levels), low, high
    for _ in range(round(BINS * SHRINK)):
        left, right = _loss(rows, low + step, high, levels), _loss(rows, low, high - step, levels)
        low, high = np.where(left < right, low + step, low), np.where(left < right, high, high - step)
        better = np.minimum(left, right) < best
        best = np.minimum(best, np.minimum(left, right))
        best_low, best_high = np.where(better, low, best_low), np.where(better, high, best_high)
    return best_low, best_high


def stored_scale(low: Array, high: Array, levels: int, dtype: Any) -> tuple[Array, Array]:
    """Scale and offset (N, 1) in the type that they are stored in, rounded outwards so that the range is covered.

    A value x in the range is then no further than half a scale from ``offset + scale * code`` for its nearest code.
    """
    offset = low.astype(dtype)
    offset = np.where(offset > low, np.nextafter(offset, dtype(-np.inf)), offset)
    exact = (high.astype(np.float64) - offset.astype(np.float64)) / levels
    scale = exact.astype(dtype)
    return np.where(scale < exact, np.nextafter(scale, dtype(np.inf)), scale), offset


def column_scales(rows: Array, there: Array | None = None) -> Array:
    """(D,) float32: the fourth root of every column's root mean square, 1 where it is 0.

    A turned table (``rotate``, ``factorize``) has a few strong columns, which a row's range follows and beside which
    the weak ones are coarse. Divided by its own size, every column would be as coarse as the next, the strong ones
    too, which weigh most in a score. Of the powers 0, 1/4, 1/2 and 1 of the size, the second kept the most of the
    dense tables' lists.

    Args:
        rows: (N, D) float32.
        there: (N, D) bool, the values that count; None for all.
    """
    counted = len(rows) if there is None else np.maximum(there.sum(0), 1)
    scales = ((np.square(rows, dtype=np.float64).sum(0) / counted) ** 0.125).astype(np.float32)
    return np.where(scales == 0, np.float32(1), scales)


def nearest_codes(rows: Array, scale: Array, offset: Array, levels: int) -> Array:
    """(N, D) uint8: the code of each value."""
    scale, offset = scale.astype(np.float32), offset.astype(np.float32)
    codes = np.rint((rows - offset) / np.where(scale == 0, np.float32(1), scale))
    clipped: Array = np.clip(codes, 0, levels).astype(np.uint8)
    return clipped


def _loss(rows: Array, low: Array, high: Array, levels: int) -> Array:
    scale = (high - low) / np.float32(levels)
    codes = np.clip(np.rint((rows - low) / np.where(scale == 0, np.float32(1), scale)), 0, levels)
    loss: Array = np.square(low + scale * codes - rows).sum(1, keepdims=True)
    return loss
