"""Tables without their zeros."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rexp.api import StageContext
from rexp.compress.prune.pack import Pack, PackConfig, PackedTable
from rexp.errors import RunError
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
        model.users.weight[0, 0] = 1e6
    with pytest.raises(RunError, match="take values=fp32"):
        packed(model)


def test_it_can_be_exported() -> None:
    rows = sparse_rows(20, 12, 0.3)
    table = PackedTable(20, 12, int(rows.count_nonzero()), "fp32")
    table.take(rows)
    exported = torch.export.export(table, (torch.arange(5),))
    assert torch.equal(exported.module()(torch.arange(5)), rows[:5])
