"""The relaxed ranking loss, against its formula in plain Python."""

from __future__ import annotations

from math import exp, log

import pytest
import torch

from rexp.compress.distill._relaxed_ranking import relaxed_ranking


def by_hand(interesting: list[float], uninteresting: list[float]) -> float:
    total = 0.0
    for place, score in enumerate(interesting):
        tail = sum(exp(other) for other in interesting[place:]) + sum(exp(other) for other in uninteresting)
        total -= score - log(tail)
    return total


FIRST = [[1.5, -0.5], [0.25, 2.0]]
OTHERS = [[0.75, -1.0], [-2.0, 0.5]]


def test_the_value_is_the_formula_s() -> None:
    losses = relaxed_ranking(torch.tensor(FIRST, dtype=torch.float64), torch.tensor(OTHERS, dtype=torch.float64))
    expected = [by_hand(*lists) for lists in zip(FIRST, OTHERS, strict=True)]
    assert losses.tolist() == pytest.approx(expected, rel=1e-12)


def test_the_first_of_two_by_arithmetic() -> None:
    # Two equal interesting scores above nothing: ln 2 for the first, 0 for the last.
    nothing = torch.full((1, 1), -torch.inf, dtype=torch.float64)
    assert relaxed_ranking(torch.zeros(1, 2, dtype=torch.float64), nothing).item() == pytest.approx(log(2))


def test_the_order_counts_among_the_interesting_alone() -> None:
    first, others = torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([[-1.0, -2.0]])
    assert relaxed_ranking(first, others) < relaxed_ranking(first.flip(1), others)
    torch.testing.assert_close(relaxed_ranking(first, others), relaxed_ranking(first, others.flip(1)))


def test_the_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(3, 4, dtype=torch.float64, generator=generator).requires_grad_()
    others = torch.randn(3, 2, dtype=torch.float64, generator=generator).requires_grad_()
    assert torch.autograd.gradcheck(relaxed_ranking, (first, others))


def test_large_scores_neither_overflow_nor_lose_their_gradient() -> None:
    first = torch.tensor([[-1000.0, 1000.0, 990.0], [1000.0, 0.0, -1000.0]], requires_grad=True)
    others = torch.tensor([[1000.0], [-1000.0]], requires_grad=True)
    losses = relaxed_ranking(first, others)
    # Row 1: the first is 2000 below the sum of two at 1000, the second as high as one other, the third 10 below it.
    assert losses.tolist() == pytest.approx([2000 + log(2) + log(2) + 10, log(2)], abs=2e-4)  # of float32 near 1000
    losses.sum().backward()
    assert torch.isfinite(first.grad).all()
    assert torch.isfinite(others.grad).all()
    assert first.grad[0, 0].item() == pytest.approx(-1)


def test_what_is_not_there_changes_nothing() -> None:
    first = torch.tensor([[0.5, -0.25, -torch.inf]], dtype=torch.float64, requires_grad=True)
    others = torch.tensor([[-torch.inf, 0.1]], dtype=torch.float64, requires_grad=True)
    loss = relaxed_ranking(first, others).sum()
    assert loss.item() == pytest.approx(by_hand([0.5, -0.25], [0.1]), rel=1e-12)
    loss.backward()
    assert first.grad[0, 2] == 0
    assert others.grad[0, 0] == 0
    assert torch.isfinite(first.grad).all()


def test_a_row_without_anything_is_no_loss() -> None:
    nothing = torch.full((2, 3), -torch.inf, requires_grad=True)
    loss = relaxed_ranking(nothing, nothing)
    assert loss.tolist() == [0, 0]
    loss.sum().backward()
    assert not nothing.grad.any()
