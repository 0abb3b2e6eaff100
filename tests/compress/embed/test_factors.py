"""Tables that are products: quotient and remainder, low rank, truncated SVD, tensor trains."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rexp.compress.embed.lowrank import LowRankTable
from rexp.compress.embed.qr import QuotientRemainderTable
from rexp.compress.embed.tt import TensorTrainTable, three_factors

from .helpers import table_of


@pytest.mark.parametrize("operation", ["product", "sum"])
def test_quotient_and_remainder(operation: str) -> None:
    table = table_of("qr", torch.randn(60, 5), buckets=17, operation=operation)
    remainders, quotients = table.remainders.weight, table.quotients.weight
    assert (len(remainders), len(quotients)) == (17, 4)
    for idx in range(60):
        first, second = remainders[idx % 17], quotients[idx // 17]
        expected = first * second if operation == "product" else first + second
        assert torch.equal(table(torch.tensor(idx)), expected)


@given(st.integers(1, 500), st.integers(1, 500))
def test_no_two_ids_share_quotient_and_remainder(n_rows: int, buckets: int) -> None:
    table = QuotientRemainderTable(n_rows, 1, buckets, "sum")
    ids = torch.arange(n_rows)
    pairs = torch.stack([ids % table.buckets, ids // table.buckets], 1)
    assert len(pairs.unique(dim=0)) == n_rows
    assert (pairs.max(0).values < torch.tensor([buckets, len(table.quotients.weight)])).all()


def test_random_signs_keep_the_distribution_of_a_product() -> None:
    dense = torch.randn(60, 5)
    table = table_of("qr", dense, buckets=17)
    assert set(table.quotients.weight.flatten().tolist()) == {-1.0, 1.0}
    assert torch.equal(table.rows().abs(), dense[torch.arange(60) % 17].abs())


@pytest.mark.parametrize("bias", [False, True])
def test_low_rank_is_factor_times_basis(bias: bool) -> None:
    table = table_of("lowrank", torch.randn(60, 8), rank=3, bias=bias)
    expected = table.factor.weight.detach().numpy() @ table.basis.detach().numpy()
    if bias:
        torch.nn.init.normal_(table.bias)
        expected = expected + table.bias.detach().numpy()
    np.testing.assert_allclose(table(torch.arange(60)).detach().numpy(), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(table.rows().detach().numpy(), expected, rtol=1e-5, atol=1e-6)


def test_low_rank_begins_with_the_variance_of_each_column() -> None:
    torch.manual_seed(0)
    deviations = torch.tensor([0.0, 0.1, 1.0, 3.0])
    table = LowRankTable(20_000, 4, 256)
    table.start(torch.randn(20_000, 4) * deviations, torch.Generator().manual_seed(0))
    torch.testing.assert_close(table.rows().std(0), deviations, rtol=0.15, atol=0)
    table.start(torch.zeros(20_000, 4), torch.Generator().manual_seed(0))
    assert not table.rows().any()
    assert table.factor.weight.any()  # so that a gradient reaches the basis


@pytest.mark.parametrize("rank", [1, 3, 6])
def test_svd_is_the_nearest_of_its_rank(rank: int) -> None:
    torch.manual_seed(0)
    dense = torch.randn(60, 4) @ torch.randn(4, 9) + 0.1 * torch.randn(60, 9)
    dense[7] = 0
    table = table_of("svd", dense, rank=rank)
    left, values, right = np.linalg.svd(dense.double().numpy(), full_matrices=False)
    expected = (left[:, :rank] * values[:rank]) @ right[:rank]
    np.testing.assert_allclose(table.rows().detach().numpy(), expected, atol=1e-4)
    assert not table(torch.tensor(7)).any()
    torch.testing.assert_close(table.basis @ table.basis.T, torch.eye(rank), rtol=0, atol=1e-5)


def test_svd_of_a_table_that_has_this_rank_is_the_table() -> None:
    torch.manual_seed(0)
    dense = torch.randn(60, 3) @ torch.randn(3, 9)
    torch.testing.assert_close(table_of("svd", dense, rank=3).rows(), dense, rtol=1e-4, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60), st.integers(1, 12), st.integers(1, 3))
def test_an_entry_of_a_tensor_train_is_a_product_of_three_matrices(n_rows: int, dim: int, rank: int) -> None:
    table = TensorTrainTable(n_rows, dim, rank)
    for parameter in table.parameters():
        torch.nn.init.normal_(parameter)
    (n, m, k), (a, b, c) = table.digits, table.columns
    first = table.first.weight.detach().double().numpy().reshape(n, a, rank)
    second = table.second.weight.detach().double().numpy().reshape(m, rank, b, rank)
    third = table.third.weight.detach().double().numpy().reshape(k, rank, c)
    whole = np.einsum("nax,mxby,kyc->nmkabc", first, second, third).reshape(n * m * k, a * b * c)
    np.testing.assert_allclose(table.rows().detach().numpy(), whole[:n_rows, :dim], rtol=1e-3, atol=1e-3)


@given(st.integers(1, 10**7))
def test_three_factors_are_alike_and_enough(n: int) -> None:
    factors = three_factors(n)
    assert np.prod(factors) >= n
    assert min(factors[:2]) ** 3 < 8 * n
    assert factors[2] <= factors[0] == factors[1]
