"""Widths by popularity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rexp.compress.embed.mixed_dim import blocks_of, row_popularity, widths_of
from rexp.errors import ConfigError
from rexp.nn.embedding import EmbeddingTable

from .helpers import SPLIT, apply, mf, split_of

if TYPE_CHECKING:
    from rexp.data.split import Split


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=200), st.integers(1, 8))
def test_blocks_hold_about_the_same_number_of_interactions(counts: list[int], n: int) -> None:
    popularity = torch.tensor(sorted(counts, reverse=True))
    sizes = blocks_of(popularity, n)
    assert sum(sizes) == len(counts)
    assert len(sizes) <= n
    assert min(sizes) >= 1
    masses = [block.sum().item() for block in torch.split(popularity + 1, sizes)]
    # A block is too large only by its last row, or where one row is more than a block.
    share = sum(masses) / n
    assert all(mass <= share + popularity.max().item() + 1 for mass in masses)


def test_widths_by_hand() -> None:
    assert widths_of([1, 4, 16, 64], 16, 0.5) == [16, 8, 4, 2]
    assert widths_of([1, 4, 16, 64], 16, 0.0) == [16] * 4
    assert widths_of([1, 10_000], 16, 1.0) == [16, 1]
    assert widths_of([12, 24, 12, 48], 16, 1.0) == [16, 8, 8, 4]


def test_rows_of_each_block_are_its_table_s() -> None:
    model = apply("mixed_dim", mf(), width=16, alpha=2.0, blocks=3)
    table = model.users
    popularity = np.bincount(SPLIT.train.users, minlength=60)
    order = np.argsort(-popularity, kind="stable")
    sizes, widths = table.options["sizes"], table.options["widths"]
    assert widths[0] == 16 > widths[1] > widths[2]
    assert isinstance(table.blocks[0], EmbeddingTable)
    rows, start = table.rows(), 0
    for block, size, width in zip(table.blocks, sizes, widths, strict=True):
        expected = block.weight if width == 16 else block.factor.weight @ block.basis
        torch.testing.assert_close(rows[order[start : start + size]], expected)
        start += size
    # Who is popular begins as in the dense table.
    assert torch.equal(rows[order[: sizes[0]]], mf().users.weight[order[: sizes[0]]])


def test_popularity_is_of_the_training_part() -> None:
    assert row_popularity(60, SPLIT).tolist() == np.bincount(SPLIT.train.users, minlength=60).tolist()
    assert row_popularity(43, SPLIT).tolist() == np.bincount(SPLIT.train.items, minlength=43).tolist()


@pytest.mark.parametrize(("n_rows", "split"), [(50, SPLIT), (30, split_of(30, 30))])
def test_a_table_of_neither_users_nor_items_is_left_alone(n_rows: int, split: Split) -> None:
    assert row_popularity(n_rows, split) is None
    model = mf(split_of(50, 43))
    apply("mixed_dim", model)
    assert isinstance(model.users, EmbeddingTable)
    assert not isinstance(model.items, EmbeddingTable)
    with pytest.raises(ConfigError, match=r"makes no table smaller \(users: cannot; items: cannot\)"):
        apply("mixed_dim", mf(split_of(50, 50)))
