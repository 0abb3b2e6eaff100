"""Several numbers to a byte."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rexp.compress.base.bit_packing import pack, packed_width, unpack


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([1, 2, 4, 8]), st.integers(1, 5), st.integers(1, 70), st.integers(0, 100))
def test_what_is_packed_comes_back(bits: int, n_rows: int, columns: int, seed: int) -> None:
    codes = torch.from_numpy(np.random.default_rng(seed).integers(0, 2**bits, (n_rows, columns), np.uint8))
    packed = pack(codes, bits)
    assert packed.shape == (n_rows, packed_width(columns, bits))
    assert torch.equal(unpack(packed, bits, columns), codes)


@pytest.mark.parametrize(
    ("bits", "codes", "expected"),
    [(4, [1, 2, 15], [0x21, 0x0F]), (2, [1, 2, 3, 0, 2], [0b00111001, 0b10]), (8, [7, 255], [7, 255])],
)
def test_bytes_by_hand(bits: int, codes: list[int], expected: list[int]) -> None:
    assert pack(torch.tensor([codes], dtype=torch.uint8), bits).tolist() == [expected]


@pytest.mark.parametrize("bits", [2, 4])
def test_the_order_is_torch_s(bits: int) -> None:
    rows = torch.randn(5, 16)
    packed = getattr(torch.ops.quantized, f"embedding_bag_{bits}bit_prepack")(rows)
    width = packed_width(16, bits)
    values = getattr(torch.ops.quantized, f"embedding_bag_{bits}bit_unpack")(packed)
    ends = packed[:, width:].clone().view(torch.float16).float()
    expected = ends[:, :1] * unpack(packed[:, :width], bits, 16) + ends[:, 1:]
    torch.testing.assert_close(values, expected)
