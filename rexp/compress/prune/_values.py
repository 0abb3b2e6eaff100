"""The values of a sparse row as whole numbers between the lowest and the highest of them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rexp.compress.quantize._ranges import column_scales, nearest_codes, stored_scale


def quantized_values(rows: Tensor, there: Tensor, bits: int) -> tuple[Tensor, Tensor, Tensor]:
    """Codes of the values that are there, so that ``(offset + scale * code) * column`` is near them.

    A row's range is that of its own values: what is not there, a zero, has no code and stays one.

    Args:
        rows: (N, D) float32 on the CPU.
        there: (N, D) bool.
        bits: of a code, 8 or 4.

    Returns:
        (V,) uint8 codes row by row; (N, 2) float16, scale and offset of every row, infinite where a value is beyond
        float16; and (D,) float32 scales of the columns.
    """
    mask = there.numpy()
    columns = column_scales(rows.numpy(), mask)
    wide = rows.numpy() / columns
    any_value = mask.any(1, keepdims=True)
    low = np.where(any_value, np.where(mask, wide, np.float32(np.inf)).min(1, keepdims=True), np.float32(0))
    high = np.where(any_value, np.where(mask, wide, np.float32(-np.inf)).max(1, keepdims=True), np.float32(0))
    levels = 2**bits - 1
    with np.errstate(over="ignore"):  # the caller refuses what is too large
        scale, offset = stored_scale(low, high, levels, np.float16)
        ends = np.concatenate([scale, offset], 1).astype(np.float16)
    finite = bool(np.isfinite(ends).all())
    codes = nearest_codes(wide, scale, offset, levels)[mask] if finite else np.zeros(int(mask.sum()), np.uint8)
    return torch.from_numpy(codes), torch.from_numpy(ends), torch.from_numpy(columns)
