"""Tables of 16 bits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rexp.errors import RunError
from tests.compress.embed.helpers import table_of


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000))
def test_fp16_is_numpy_s(seed: int) -> None:
    rows = np.random.default_rng(seed).standard_normal((60, 5)).astype(np.float32)
    table = table_of("half", torch.from_numpy(rows), format="fp16")
    assert np.array_equal(table.rows().numpy(), rows.astype(np.float16).astype(np.float32))
    assert table.nbytes() == rows.nbytes / 2


def test_bf16_keeps_8_bits_of_precision() -> None:
    rows = torch.randn(60, 5) * torch.tensor([1e-30, 1.0, 1e30, 1e-3, 1e5])
    table = table_of("half", rows)
    assert table.stored.dtype == torch.bfloat16
    assert table.weight.dtype == torch.float32  # all vectors, for a model that reads them so
    assert torch.equal(table.weight, table.rows())
    assert ((table.rows() - rows).abs() <= rows.abs() * 2**-8).all()
    assert table.rows().dtype == torch.float32


def test_what_fp16_cannot_hold_is_refused() -> None:
    rows = torch.zeros(60, 5)
    rows[3, 3] = 1e5
    with pytest.raises(RunError, match="take bf16"):
        table_of("half", rows, format="fp16")
    assert table_of("half", rows)(torch.tensor(3))[3].item() == pytest.approx(1e5, rel=2**-8)


def test_weights_by_their_earlier_name_are_read() -> None:
    table = table_of("half", torch.randn(60, 5))
    again = type(table)(**table.describe())
    again.load_state_dict({"weight": table.stored})
    assert torch.equal(again.rows(), table.rows())
