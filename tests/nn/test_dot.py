"""Dot products, and their gradients beside those that torch composes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rexp.nn.dot import FEW_ITEMS, ROWS_AN_ITEM, dot, dot_of_all, trains_by_table


def drawn(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, generator=generator, dtype=dtype).requires_grad_()


def composed(users: Tensor, rows: Tensor, bias: bool) -> Tensor:
    """By the definition."""
    vectors = rows[..., : users.shape[1]]
    scores = torch.einsum("bd,b...d->b...", users, vectors)
    return scores + rows[..., -1] if bias else scores


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("n_items", [None, 0, 1, 2, FEW_ITEMS, FEW_ITEMS + 1, 40])
def test_scores_and_gradients_are_those_of_the_definition(n_items: int | None, bias: bool) -> None:
    users = drawn(6, 3)
    rows = drawn(6, 3 + bias) if n_items is None else drawn(6, n_items, 3 + bias)
    expected, found = composed(users, rows, bias), dot(users, rows, bias)
    torch.testing.assert_close(found, expected)
    weights = drawn(*expected.shape).detach()
    for a, b in zip(
        torch.autograd.grad(found, (users, rows), weights),
        torch.autograd.grad(expected, (users, rows), weights),
        strict=True,
    ):
        torch.testing.assert_close(a, b)
    with torch.no_grad():
        torch.testing.assert_close(dot(users, rows, bias), expected.detach())


def test_gradients_are_those_of_differences() -> None:
    assert torch.autograd.gradcheck(lambda users, rows: dot(users, rows, bias=True), (drawn(4, 3), drawn(4, 5, 4)))


def test_columns_of_wider_rows_are_read_where_they_lie() -> None:
    users, wide = drawn(5, 3), drawn(5, 4, 9)
    expected = torch.autograd.grad(composed(users, wide[..., 2:6], True).square().sum(), (users, wide))
    found = torch.autograd.grad(dot(users, wide[..., 2:6], bias=True).square().sum(), (users, wide))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("trained", [0, 1])
def test_one_side_may_be_left_as_it_is(trained: int) -> None:
    sides = [drawn(5, 3), drawn(5, 4, 3)]
    sides[1 - trained].requires_grad_(False)
    expected = torch.autograd.grad(composed(*sides, False).square().sum(), sides[trained])
    found = torch.autograd.grad(dot(*sides).square().sum(), sides[trained])
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("bias", [False, True])
def test_training_in_autocast_sums_in_full_precision(bias: bool) -> None:
    users, rows = drawn(7, 3, dtype=torch.float32), drawn(7, 2, 3 + bias, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        scores = dot(users, rows, bias)
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores, composed(users, rows, bias))


@pytest.mark.parametrize("bias", [False, True])
def test_lists_are_scored_alike_from_all_rows(bias: bool) -> None:
    users, table = drawn(5, 3), drawn(7, 3 + bias)
    items = torch.tensor([[0, 6, 6], [1, 2, 3], [4, 4, 4], [5, 0, 1], [6, 5, 4]])
    expected, found = dot(users, table[items], bias), dot_of_all(users, table, items, bias)
    torch.testing.assert_close(found, expected)
    for a, b in zip(
        torch.autograd.grad(found.square().sum(), (users, table)),
        torch.autograd.grad(expected.square().sum(), (users, table)),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_long_lists_alone_are_trained_from_all_rows() -> None:
    n_items = FEW_ITEMS + 1
    items = torch.zeros(4, n_items, dtype=torch.int64)
    assert trains_by_table(items, n_items * ROWS_AN_ITEM)
    assert not trains_by_table(items, n_items * ROWS_AN_ITEM + 1)
    assert not trains_by_table(items[:, :-1], n_items)
    assert not trains_by_table(items[0], n_items)
    with torch.no_grad():
        assert not trains_by_table(items, n_items)
    with torch.autocast("cpu", dtype=torch.bfloat16):  # a matrix product would be made in half precision
        assert not trains_by_table(items, n_items)
