"""Tables without their zeros."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from rexp.api import StageContext
from rexp.compress.prune.pack import Pack, PackConfig, PackedTable
from rexp.errors import RunError
from rexp.measure.sizes import byte_sizes
from tests.compress.embed.helpers import SPLIT, mf, uneven_mf


def packed(model: Any, **options: Any) -> Any:
    Pack(PackConfig(**options)).apply(model, StageContext(SPLIT, torch.Generator()))
    return model


def sparse_rows(n: int, dim: int, share: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(n + dim)
    return torch.randn(n, dim, generator=generator) * (torch.rand(n, dim, generator=generator) < share)


@pytest.mark.parametrize(("dim", "share"), [(1, 0.5), (7, 0.2), (8, 1.0), (33, 0.1), (64, 0.0)])
def test_rows_come_back(dim: int, share: float) -> None:
    rows = sparse_rows(50, dim, share)
    table = PackedTable(50, dim, int(rows.count_nonzero()), "fp32")
    table.take(rows)
    assert torch.equal(table.rows(), rows)
    ids = torch.tensor([[3, 49], [0, 3]])
    assert torch.equal(table(ids), rows[ids])
    again = PackedTable(**table.describe())
    again.load_state_dict(table.state_dict())
    assert torch.equal(again.rows(), rows)


@pytest.mark.parametrize("values", ["fp32", "int4"])
@pytest.mark.parametrize("empty", [(0,), (3, 30, 32), tuple(range(1, 33))])
def test_columns_of_zeros_take_no_bits(values: Any, empty: tuple[int, ...]) -> None:
    rows = sparse_rows(50, 33, 0.4)
    rows[:, list(empty)] = 0
    n_values = int(rows.count_nonzero())
    whole, table = PackedTable(50, 33, n_values, values), PackedTable(50, 33, n_values, values, empty=empty)
    for one in (whole, table):
        one.take(rows)
    assert torch.equal(table.rows(), whole.rows())
    scales = 4 if values == "int4" else 0
    for_bits = {width: 50 * (width // 8) + math.ceil(50 * (width % 8) / 8) for width in (33, 33 - len(empty))}
    assert whole.nbytes() - table.nbytes() == for_bits[33] - for_bits[33 - len(empty)] + scales * len(empty)
    again = PackedTable(**table.describe())
    again.load_state_dict(table.state_dict())
    ids = torch.tensor([[3, 49], [0, 3]])
    assert torch.equal(again(ids), whole(ids))
    exported = torch.export.export(table, (torch.arange(5),))
    assert torch.equal(exported.module()(torch.arange(5)), whole.rows()[:5])


def test_a_stage_finds_the_columns_of_zeros() -> None:
    model = mf(item_bias=False)
    with torch.no_grad():
        model.users.weight[:, 1] = 0
        model.items.weight[:, [0, 2]] = 0
    packed(model, values="fp32")
    assert model.users.describe()["empty"] == [1]
    assert model.items.describe()["empty"] == [0, 2]


def test_values_of_16_bits_are_the_dense_ones_rounded_bit_for_bit() -> None:
    rows = sparse_rows(50, 33, 0.3)
    table = PackedTable(50, 33, int(rows.count_nonzero()), "fp16")
    table.take(rows)
    assert torch.equal(table.rows(), rows.half().float())


def test_bytes() -> None:
    rows = torch.zeros(100, 64)
    rows[:, :6] = 1.0
    table = PackedTable(100, 64, 600, "fp16")
    table.take(rows)
    assert table.nbytes() == 100 * 8 + 601 * 2
    assert 100 * 64 * 4 / table.nbytes() > 12
    small = PackedTable(100, 64, 600, "int4")
    small.take(rows)
    assert small.nbytes() == 100 * (8 + 1) + 301 + (64 + 2) * 4
    odd = PackedTable(101, 65, 600, "fp16")
    assert odd.nbytes() == 101 * 8 + 13 + 601 * 2  # 101 bits of the 65th column
    half = PackedTable(1000, 64, 32000, "int4")
    assert 10 < 1000 * 64 * 4 / half.nbytes() < 10.3


@pytest.mark.parametrize(("values", "levels"), [("int4", 15), ("int8", 255)])
@pytest.mark.parametrize(("dim", "share"), [(33, 0.2), (64, 1.0), (8, 0.0)])
def test_codes_are_as_near_as_those_of_a_range_of_its_own_for_every_row(
    values: Any, levels: int, dim: int, share: float
) -> None:
    rows = sparse_rows(50, dim, share)
    table = PackedTable(50, dim, int(rows.count_nonzero()), values)
    table.take(rows)
    found = table.rows()
    assert torch.equal(found == 0, rows == 0)
    wanted = 0.0
    for row in (rows / table.columns).tolist():
        kept = [(value, column) for value, column in zip(row, table.columns.tolist(), strict=True) if value]
        if kept:
            low, high = min(kept)[0], max(kept)[0]
            step = (high - low) / levels or 1.0
            wanted += sum(((low + round((value - low) / step) * step - value) * column) ** 2 for value, column in kept)
    # A range of its own, of two numbers, meets the ends of its row. With half as many codes it were four times this.
    assert (found - rows).square().sum() <= 1.6 * wanted + 1e-9
    again = PackedTable(**table.describe())
    again.load_state_dict(table.state_dict())
    ids = torch.tensor([[3, 49], [0, 3]])
    assert torch.equal(again(ids), found[ids])
    assert table.n_codes() == rows.count_nonzero()


def test_codes_by_hand() -> None:
    rows = torch.tensor([[7.0, -6.0], [0.0, 0.0], [0.5, -0.5], [3.0, -3.0]])
    table = PackedTable(4, 2, 6, "int4")
    table.take(rows)
    first, second = table.columns.tolist()
    assert first == pytest.approx(((49 + 0.25 + 9) / 3) ** 0.125)
    assert second == pytest.approx(((36 + 0.25 + 9) / 3) ** 0.125)
    low, step = table.grid.tolist()
    scales = [math.exp(low + step * (byte // 8)) for byte in table.ranges.tolist()]
    zeros = [(2, 4, 6, 7, 9, 10, 12, 14)[byte % 8] for byte in table.ranges.tolist()]
    codes = [number for byte in table.values.tolist() for number in (byte % 16, byte // 16)]
    assert codes[6:] == [0, 0]  # what nothing reads, and the rest of its byte
    for code, row, column, value in zip(codes, [0, 0, 2, 2, 3, 3], [first, second] * 3, rows[rows != 0], strict=False):
        assert table.rows()[row, 0 if column == first else 1] == pytest.approx(
            column * scales[row] * (code + 0.5 - zeros[row])
        )
        # Half a step, and the ratio of two scales.
        assert abs(column * scales[row] * (code + 0.5 - zeros[row]) - value) <= 0.5 * column * scales[row] * math.exp(
            step
        )


def test_a_row_takes_the_range_that_leans_as_it_does() -> None:
    up = torch.linspace(1, 8, 64)
    rows = torch.stack([up, -up, torch.cat([up[:32], -up[:32]]), 0.01 * up])
    table = PackedTable(4, 64, 256, "int4")
    table.take(rows)
    zeros = [(2, 4, 6, 7, 9, 10, 12, 14)[byte % 8] for byte in table.ranges.tolist()]
    assert zeros[:2] == [2, 14]
    assert zeros[2] in (7, 9)
    # Scales go from that of the last row to that of the first two, 100 times as large; a narrower one may be better.
    assert table.ranges[3] // 8 == 0
    assert (table.ranges[:2] // 8 >= 28).all()


def test_pruned_at_once_and_packed() -> None:
    model = mf(item_bias=False)
    with torch.no_grad():
        model.users.weight[5] *= 1e-4
    dense = {name: table.weight.detach().clone() for name, table in (("users", model.users), ("items", model.items))}
    packed(model, sparsity=0.75, values="fp32")
    sizes = torch.cat([rows.flatten() for rows in dense.values()]).abs()
    smallest = sizes.sort(descending=True).values[round(len(sizes) / 4) - 2]  # a weight of row 5 stays instead
    for name, rows in dense.items():
        found = model.get_submodule(name).rows()
        stays = rows.abs() >= smallest
        assert torch.equal(found[stays], rows[stays])
        assert (found != 0).sum(1).min() >= 1
    kept = sum(int((model.get_submodule(name).rows() != 0).sum()) for name in dense)
    assert kept == round(len(sizes) / 4)


def test_values_beyond_float16_are_refused_in_that_format_alone() -> None:
    model = mf(item_bias=False)
    with torch.no_grad():
        model.users.weight[0, 0] = 1e16
    with pytest.raises(RunError, match="too large for fp16; take values=fp32"):
        packed(model, values="fp16")
    found = packed(model, values="int8").users.rows()
    assert found.isfinite().all()
    assert found[0, 0] == pytest.approx(1e16, rel=0.2)


@pytest.mark.parametrize("values", ["fp32", "int8", "int4"])
def test_it_can_be_exported(values: Any) -> None:
    rows = sparse_rows(20, 12, 0.3)
    table = PackedTable(20, 12, int(rows.count_nonzero()), values)
    table.take(rows)
    exported = torch.export.export(table, (torch.arange(5),))
    assert torch.equal(exported.module()(torch.arange(5)), table.rows()[:5])


@pytest.mark.parametrize("values", ["fp16", "int4"])
def test_unpacked_in_memory_it_reads_and_is_stored_as_packed(values: Any) -> None:
    rows, others = sparse_rows(50, 33, 0.3), sparse_rows(50, 33, 0.3).flip(0)
    packed_table = PackedTable(50, 33, int(rows.count_nonzero()), values)
    table = PackedTable(50, 33, int(rows.count_nonzero()), values, "dense")
    for one in (packed_table, table):
        one.take(rows)
    ids = torch.tensor([[3, 49], [0, 3]])
    expected, stored = packed_table(ids), table.nbytes()
    assert byte_sizes(table)["resident_bytes"] == byte_sizes(packed_table)["resident_bytes"]
    assert torch.equal(table(ids), expected)
    assert byte_sizes(table)["resident_bytes"] == byte_sizes(packed_table)["resident_bytes"] + 50 * 33 * 4
    assert table.nbytes() == stored == packed_table.nbytes()
    again = PackedTable(**table.describe())
    again.load_state_dict(table.state_dict())
    assert torch.equal(again(ids), expected)
    packed_table.take(others)
    table.load_state_dict(packed_table.state_dict())  # what was unpacked before counts no more
    assert torch.equal(table(ids), packed_table(ids))
    assert not torch.equal(table(ids), expected)


def test_weights_that_move_scores_little_go_first() -> None:
    errors = {}
    for importance in ("magnitude", "scores"):
        model, whole = uneven_mf()
        packed(model, sparsity=0.5, importance=importance, values="fp32")
        rows = model.users.rows(), model.items.rows()
        assert sum(int((side == 0).sum()) for side in rows) == sum(side.numel() for side in rows) // 2
        errors[importance] = float((rows[0] @ rows[1].T - whole).square().mean())
    assert errors["scores"] < errors["magnitude"] / 2
