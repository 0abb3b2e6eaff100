"""Hashes of ids, and the tables that are made of them."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rexp.compress.embed._hashing import UniversalHashes
from rexp.compress.embed.ce import chunk_widths
from rexp.compress.embed.dhe import BUCKETS

from .helpers import table_of


def hashes(n: int, buckets: int, seed: int = 0) -> UniversalHashes:
    made = UniversalHashes(n, buckets)
    made.draw(torch.Generator().manual_seed(seed))
    return made


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31 - 2), st.integers(1, 10**6), st.integers(0, 100))
def test_the_formula_in_whole_numbers_of_any_size(idx: int, buckets: int, seed: int) -> None:
    made = hashes(3, buckets, seed)
    for place in range(3):
        a, b = int(made.multiply[place]), int(made.add[place])
        assert made(torch.tensor([idx]))[0, place].item() == (a * idx + b) % (2**31 - 1) % buckets


def test_buckets_are_filled_alike_and_functions_differ() -> None:
    made = hashes(2, 50)(torch.arange(50_000))
    for column in made.unbind(1):
        counts = column.bincount(minlength=50).double()
        assert len(counts) == 50
        assert (counts - 1000).abs().max() < 5 * sqrt(1000)
    together = (made[:, 0] == made[:, 1]).double().mean().item()
    assert together == pytest.approx(1 / 50, abs=0.005)


def test_ids_of_one_bucket_have_one_row() -> None:
    table = table_of("hash", torch.randn(60, 8), buckets=20)
    buckets = table.hashes(torch.arange(60))[:, 0]
    rows = table.rows()
    for one in range(60):
        for other in range(60):
            assert torch.equal(rows[one], rows[other]) == bool(buckets[one] == buckets[other])
    assert torch.equal(rows, table.table.weight[buckets])


def test_a_joined_row_is_made_of_pieces_by_hash() -> None:
    dense = torch.randn(60, 10)
    table = table_of("ce", dense, buckets=20, chunks=4)
    assert [piece.weight.shape[1] for piece in table.pieces] == [3, 3, 2, 2]
    buckets = table.hashes(torch.arange(60))
    for idx in (0, 17, 59):
        # Each piece begins as the dense table's: row = bucket, its own columns.
        starts = [0, 3, 6, 8, 10]
        pieces = [dense[int(buckets[idx, c]), starts[c] : starts[c + 1]] for c in range(4)]
        assert torch.equal(table(torch.tensor(idx)), torch.cat(pieces))


@given(st.integers(1, 300), st.integers(1, 40))
def test_widths_are_even_and_sum_up(dim: int, chunks: int) -> None:
    widths = chunk_widths(dim, chunks)
    assert sum(widths) == dim
    assert max(widths) - min(widths) <= 1
    assert len(widths) == min(chunks, dim)


@pytest.mark.parametrize("activation", ["relu", "mish"])
def test_deep_hashes_are_a_network_over_uniform_numbers(activation: str) -> None:
    table = table_of("dhe", torch.randn(60, 32), width=8, layers=2, activation=activation)
    values = table.hashes(torch.arange(60)).double().numpy() / (BUCKETS - 1) * 2 - 1
    assert abs(values.mean()) < 0.15
    assert values.var() == pytest.approx(1 / 3, rel=0.2)
    state = {name: tensor.double().numpy() for name, tensor in table.state_dict().items()}
    for place in (0, 2):
        values = values @ state[f"network.{place}.weight"].T + state[f"network.{place}.bias"]
        values = np.maximum(values, 0) if activation == "relu" else values * np.tanh(np.log1p(np.exp(values)))
    values = values @ state["network.4.weight"].T + state["network.4.bias"]
    np.testing.assert_allclose(table.rows().detach().numpy(), values, rtol=1e-4, atol=1e-5)


def test_deep_hashes_of_an_id_that_stands_there_often() -> None:
    table = table_of("dhe", torch.randn(60, 32), width=8)
    ids = torch.tensor([7, 3, 7, 7, 0])
    torch.testing.assert_close(table(ids), table.compute(ids))
    table(ids).sum().backward()
    once = table.network[0].weight.grad.clone()
    table.zero_grad()
    table.compute(ids).sum().backward()
    torch.testing.assert_close(once, table.network[0].weight.grad, rtol=1e-4, atol=1e-5)
    exported = torch.export.export(table, (torch.arange(5),))
    torch.testing.assert_close(exported.module()(torch.arange(5)), table.rows()[:5])


def test_deep_hashes_that_start_plain_lie_close_together() -> None:
    dense = torch.randn(60, 32)
    plain = table_of("dhe", dense, width=16, start="plain")
    assert plain.reach == 0.25
    assert all(parameter.abs().max() <= 0.25 for parameter in plain.network.parameters())
    assert plain.rows().std(0).mean() < 0.2 * table_of("dhe", dense, width=16).rows().std(0).mean()
    again = type(plain)(**plain.describe())
    again.load_state_dict(plain.state_dict())
    assert torch.equal(again.rows(), plain.rows())


def test_deep_hashes_begin_with_the_moments_of_the_dense_table() -> None:
    dense = torch.randn(60, 32) * torch.linspace(0, 2, 32)
    rows = table_of("dhe", dense, width=8).rows()
    torch.testing.assert_close(rows.mean(0), torch.zeros(32), rtol=0, atol=1e-5)
    torch.testing.assert_close(rows.std(0), dense.square().mean(0).sqrt(), rtol=1e-3, atol=1e-5)
