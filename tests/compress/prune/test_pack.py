"""Tables without their zeros."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rexp.api import StageContext
from rexp.compress.prune.pack import Pack, PackConfig, PackedTable
from rexp.errors import RunError
from rexp.measure.sizes import byte_sizes
from tests.compress.embed.helpers import SPLIT, mf


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
    assert table.nbytes() == 100 * (8 + 4) + 601 * 2
    assert 100 * 64 * 4 / table.nbytes() > 10
    small = PackedTable(100, 64, 600, "int4")
    small.take(rows)
    assert small.nbytes() == 100 * (8 + 4 + 4) + 301 + 64 * 4
    fifth = PackedTable(1000, 64, 12800, "int4")
    assert 11 < 1000 * 64 * 4 / fifth.nbytes() < 12


@pytest.mark.parametrize(("values", "levels"), [("int4", 15), ("int8", 255)])
@pytest.mark.parametrize(("dim", "share"), [(1, 0.5), (7, 0.4), (33, 0.2), (64, 1.0), (8, 0.0)])
def test_codes_are_within_half_a_step_of_the_values_and_zeros_stay(
    values: Any, levels: int, dim: int, share: float
) -> None:
    rows = sparse_rows(50, dim, share)
    table = PackedTable(50, dim, int(rows.count_nonzero()), values)
    table.take(rows)
    found = table.rows()
    assert (found[rows == 0] == 0).all()
    for row, near in zip(rows / table.columns, found / table.columns, strict=True):
        kept = row[row != 0]
        if len(kept):
            # float16 rounds the step and the offset, by at most 2^-11 of them.
            step = (kept.max() - kept.min()) / levels + kept.abs().max() * 2.0**-9 / levels
            assert ((row - near)[row != 0].abs() <= 0.5001 * step + 1e-7).all()
    again = PackedTable(**table.describe())
    again.load_state_dict(table.state_dict())
    ids = torch.tensor([[3, 49], [0, 3]])
    assert torch.equal(again(ids), found[ids])
    assert table.n_codes() == rows.count_nonzero()


def test_codes_by_hand() -> None:
    # Root mean squares of 16 and of 1, where something is there: the columns' scales are 2 and 1.
    rows = torch.tensor(
        [[0.0, -1.0, 16.0, 1.0], [0.0, 0.0, 0.0, 0.0], [16.0, 1.0, 0.0, -1.0], [-16.0, 0.0, -16.0, 0.0]]
    )
    table = PackedTable(4, 4, 8, "int4")
    table.take(rows)
    assert table.columns.tolist() == [2.0, 1.0, 2.0, 1.0]
    # Divided by them the rows hold -1, 8, 1; nothing; 8, 1, -1; -8, -8. Their ranges are 9, 0, 9 and 0.
    assert table.ends[:, 1].tolist() == [-1.0, 0.0, -1.0, -8.0]
    torch.testing.assert_close(table.ends[:, 0].float() * 15, torch.tensor([9.0, 0.0, 9.0, 0.0]), rtol=1e-3, atol=0)
    # Codes 0, 15, 3; 15, 3, 0; 0, 0 and the one that nothing reads, the first of two in a byte's lower half.
    assert table.values.tolist() == [15 * 16, 3 + 15 * 16, 3, 0, 0]
    wanted = rows.clone()
    wanted[0, 3] = wanted[2, 1] = -1 + 3 * 0.6
    torch.testing.assert_close(table.rows(), wanted, rtol=2e-3, atol=0)
    assert ((table.rows() == 0) == (rows == 0)).all()


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


def test_values_beyond_float16_are_refused() -> None:
    model = mf(item_bias=False)
    with torch.no_grad():
        model.users.weight[0, 0] = 1e16
    for values in ("fp16", "int8", "int4"):
        with pytest.raises(RunError, match=f"too large for {values}; take values=fp32"):
            packed(model, values=values)


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
