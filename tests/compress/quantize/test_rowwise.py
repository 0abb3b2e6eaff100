"""Row-wise quantization against numpy and torch's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rexp.api import Query
from rexp.compress.quantize._ranges import full_ranges, greedy_ranges, stored_scale
from rexp.compress.quantize.rowwise import RowwiseTable
from rexp.errors import RunError
from tests.compress.embed.helpers import apply, mf, table_of

BITS = [8, 4, 2]


def rows_of(n_rows: int, dim: int, scale: float = 1.0, shift: float = 0.0, seed: int = 0) -> torch.Tensor:
    random = np.random.default_rng(seed)
    return torch.from_numpy((scale * random.standard_normal((n_rows, dim)) + shift).astype(np.float32))


def table(rows: torch.Tensor, bits: int, search: str = "none") -> RowwiseTable:
    made = RowwiseTable(*rows.shape, bits)
    made.take(rows, search)
    return made


def read(made: RowwiseTable) -> tuple[Any, Any, Any]:
    """Scale, offset (N,) and codes (N, dim) from the bytes, one number at a time."""
    stored = np.float32 if made.bits == 8 else np.float16
    width, scales, offsets, codes = -(-made.dim * made.bits // 8), [], [], []
    for row in made.packed.numpy():
        scale, offset = np.frombuffer(row[width:].tobytes(), stored)
        number = int.from_bytes(row[:width].tobytes(), "little")
        scales.append(float(scale))
        offsets.append(float(offset))
        codes.append([number >> (made.bits * place) & (2**made.bits - 1) for place in range(made.dim)])
    return np.array(scales), np.array(offsets), np.array(codes)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(BITS),
    st.integers(1, 6),
    st.integers(1, 70),
    st.sampled_from([1e-6, 1e-3, 1.0, 100.0]),
    st.sampled_from([0.0, 0.3, -50.0]),
    st.integers(0, 1000),
)
def test_no_value_is_further_than_half_a_scale(
    bits: int, n_rows: int, dim: int, scale: float, shift: float, seed: int
) -> None:
    rows = rows_of(n_rows, dim, scale, shift, seed)
    made = table(rows, bits)
    scales, offsets, codes = read(made)
    values = offsets[:, None] + scales[:, None] * codes
    rounding = 4e-7 * rows.abs().max().item()
    np.testing.assert_allclose(made.rows().numpy(), values, rtol=0, atol=rounding)
    error = np.abs(values - rows.double().numpy())
    assert (error <= scales[:, None] / 2 + rounding).all()
    # The scale is no wider than the range asks for, but for its own rounding and that of the offset.
    needed = np.ptp(rows.double().numpy(), axis=1) / (2**bits - 1)
    step = np.finfo(np.float32 if bits == 8 else np.float16).eps
    assert (scales <= needed + step * (np.abs(rows.numpy()).max(1) + scales) + 1e-7).all()


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("dim", [1, 2, 3, 5, 8, 13, 32, 65])
def test_torch_s_kernel_and_the_gather_agree(bits: int, dim: int) -> None:
    made = table(rows_of(20, dim), bits)
    ids = torch.randint(20, (50,))
    torch.testing.assert_close(made._by_kernel(ids), made._by_gather(ids), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(made(ids), made._by_gather(ids), rtol=1e-6, atol=1e-6)


def test_8_bits_are_torch_s() -> None:
    rows = rows_of(30, 16)
    theirs = torch.ops.quantized.embedding_bag_byte_unpack(torch.ops.quantized.embedding_bag_byte_prepack(rows))
    torch.testing.assert_close(table(rows, 8).rows(), theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("bits", "expected"), [(8, 40), (4, 20), (2, 12)])
def test_bytes_of_a_row_of_32(bits: int, expected: int) -> None:
    assert table(rows_of(10, 32), bits).nbytes() == 10 * expected


@pytest.mark.parametrize("bits", BITS)
def test_constant_rows_and_rows_of_zeros(bits: int) -> None:
    rows = rows_of(4, 7)
    rows[1], rows[2] = 0.0, 0.1234567
    made = table(rows, bits).rows()
    assert not made[1].any()
    # A constant that float16 cannot hold lies between two steps of float16.
    assert (made[2] - rows[2]).abs().max().item() <= (1e-9 if bits == 8 else 2**-14)
    assert len(made[2].unique()) == 1


@pytest.mark.parametrize(("low", "high"), [(-1e5, 1.0), (0.0, 1e7)])
def test_what_float16_cannot_hold_is_refused_below_8_bits(low: float, high: float) -> None:
    rows = torch.tensor([[low, high, 0.5]])
    torch.testing.assert_close(table(rows, 8).rows(), rows, rtol=0, atol=(high - low) / 255)
    with pytest.raises(RunError, match="too large for 4 bits"):
        table(rows, 4)


def test_a_stage_takes_the_most_bits_that_fit() -> None:
    rows = rows_of(60, 32)
    assert table_of("rowwise", rows, budget=3.0).bits == 8  # 3.2 times smaller
    assert table_of("rowwise", rows, budget=3.3).bits == 4  # 6.4
    assert table_of("rowwise", rows, budget=10.0).bits == 2  # 10.7


def test_scales_of_columns_help_where_columns_differ_in_size() -> None:
    rows = rows_of(60, 16) * 0.5 ** torch.arange(16)
    plain, scaled = table_of("rowwise", rows, bits=4), table_of("rowwise", rows, bits=4, columns=True)
    assert scaled.nbytes() == plain.nbytes() + 16 * 4
    assert RowwiseTable(**scaled.describe()).columns is not None
    torch.testing.assert_close(scaled.columns, rows.square().mean(0) ** 0.125, rtol=1e-5, atol=0)
    relative = rows / scaled.columns
    torch.testing.assert_close(scaled.rows(), table(relative, 4).rows() * scaled.columns, rtol=1e-5, atol=1e-6)
    lost, lost_scaled = ((made.rows() - rows)[:, 4:].square().sum() for made in (plain, scaled))
    assert lost_scaled < 0.5 * lost


def test_without_bits_or_budget_it_is_8_bits() -> None:
    assert table_of("rowwise", rows_of(60, 32), search="none").bits == 8


@pytest.mark.parametrize("dim", [3, 10, 32, 62])
@pytest.mark.parametrize("bits", [2, 4])
def test_the_greedy_search_loses_no_more_than_torch_s(dim: int, bits: int) -> None:
    rows = rows_of(60, dim)
    low, high = greedy_ranges(rows.numpy(), 2**bits - 1)
    theirs = [torch.choose_qparams_optimized(row, dim, 200, 0.16, bits) for row in rows]
    ours_lost = sum(_loss(row, *ends, bits) for row, *ends in zip(rows, low[:, 0], high[:, 0], strict=True))
    lost = sum(_loss(row, float(low), float(high), bits) for row, (high, low) in zip(rows, theirs, strict=True))
    # Both are greedy: where both ends are as good, rounding decides which way a row goes, so that single rows differ.
    assert ours_lost <= lost * 1.01


def _loss(row: torch.Tensor, low: float, high: float, bits: int) -> float:
    scale = (high - low) / (2**bits - 1) or 1.0
    codes = ((row.double() - low) / scale).round().clamp(0, 2**bits - 1)
    return float((low + scale * codes - row).square().sum())


@pytest.mark.parametrize("bits", [4, 2])
def test_the_greedy_search_has_a_smaller_error(bits: int) -> None:
    rows = rows_of(200, 32)
    plain, searched = ((table(rows, bits, search).rows() - rows).square().sum(1) for search in ("none", "greedy"))
    assert searched.mean() < 0.95 * plain.mean()
    assert (searched <= plain * 1.02).all()


@given(st.floats(-60000, 60000, width=32), st.floats(0, 5000, width=32))
def test_what_is_stored_covers_the_range(low: float, width: float) -> None:
    first = np.float32([[low]])
    last = first + np.float32(width)
    for dtype, levels in ((np.float16, 15), (np.float32, 255)):
        scale, offset = stored_scale(first, last, levels, dtype)
        assert scale.dtype == offset.dtype == dtype
        assert float(offset[0, 0]) <= float(first[0, 0])
        assert float(offset[0, 0]) + levels * float(scale[0, 0]) >= float(last[0, 0])


def test_full_ranges() -> None:
    low, high = full_ranges(np.array([[1, -2, 3], [4, 4, 4]], np.float32))
    assert low.tolist() == [[-2], [4]]
    assert high.tolist() == [[3], [4]]


def test_ids_that_are_not_there_are_refused() -> None:
    made = table_of("rowwise", rows_of(60, 32))
    for ids in ([60], [-1]):
        with pytest.raises((RuntimeError, IndexError)):
            made(torch.tensor(ids))


def test_a_view_of_ids_is_read() -> None:
    made = table_of("rowwise", rows_of(60, 32))
    ids = torch.arange(12).view(3, 4).T
    torch.testing.assert_close(made(ids), made.rows()[ids])
    torch.testing.assert_close(made(torch.tensor(3).expand(7)), made.rows()[3].expand(7, -1))


def test_it_can_be_exported() -> None:
    """Not every kernel of torch can; the gather takes its place."""
    made = table_of("rowwise", rows_of(60, 32))
    exported = torch.export.export(made, (torch.arange(5),))
    torch.testing.assert_close(exported.module()(torch.arange(5)), made.rows()[:5])


def test_a_model_of_8_bits_scores_nearly_as_before() -> None:
    everyone = Query(torch.arange(60))
    before = mf(factors=32).score_all(everyone)
    after = apply("rowwise", mf(factors=32), bits=8).score_all(everyone)
    assert 0 < (after - before).std().item() < 0.02 * before.std().item()
