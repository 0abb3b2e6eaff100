"""Small whole numbers, several to a byte."""

from __future__ import annotations

import torch
from torch import Tensor


def packed_width(columns: int, bits: int) -> int:
    """Bytes of a row of so many numbers."""
    return -(-columns * bits // 8)


def pack(codes: Tensor, bits: int) -> Tensor:
    """(N, bytes) uint8 from (N, C) uint8 numbers of 1, 2, 4 or 8 bits; the first lies in a byte's lowest bits."""
    each = 8 // bits
    padded = torch.nn.functional.pad(codes, (0, -codes.shape[1] % each))
    shifted: Tensor = padded.view(len(codes), -1, each) << _shifts(bits, codes)
    packed: Tensor = shifted.sum(2, dtype=torch.uint8)
    return packed


def unpack(packed: Tensor, bits: int, columns: int) -> Tensor:
    """(N, columns) whole numbers, uint8 unless it is traced, from what :func:`pack` returned."""
    if bits == 8:
        return packed[:, :columns]
    if torch.compiler.is_compiling():  # what a model is exported to shifts no bits of bytes
        powers = 2 ** _shifts(bits, packed).int()
        numbers: Tensor = packed.int().unsqueeze(2) // powers % 2**bits
        return numbers.flatten(1)[:, :columns]
    codes: Tensor = (packed.unsqueeze(2) >> _shifts(bits, packed)) & (2**bits - 1)
    return codes.flatten(1)[:, :columns]


def _shifts(bits: int, like: Tensor) -> Tensor:
    return torch.arange(0, 8, bits, dtype=torch.uint8, device=like.device)
