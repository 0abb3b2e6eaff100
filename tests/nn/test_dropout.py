"""Dropout against its definition."""

from __future__ import annotations

import pytest
import torch

from rexp.nn.dropout import Dropout


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_rate_and_scale(rate: float) -> None:
    torch.manual_seed(0)
    values = Dropout(rate)(torch.ones(401, 997))
    kept = values != 0
    assert (~kept).double().mean().item() == pytest.approx(rate, abs=5 * (rate * (1 - rate) / values.numel()) ** 0.5)
    assert torch.allclose(values[kept], torch.tensor(1 / (1 - rate)), rtol=1e-4)


def test_neighbors_are_independent() -> None:
    """Four values share one draw: their fates must not."""
    torch.manual_seed(0)
    dropped = (Dropout(0.5)(torch.ones(200_000, 4)) == 0).double()
    correlation = torch.corrcoef(dropped.T) - torch.eye(4)
    assert correlation.abs().max().item() < 0.012  # 5 standard deviations


def test_gradient_follows_the_mask() -> None:
    torch.manual_seed(0)
    values = torch.randn(50, 7, requires_grad=True)
    out = Dropout(0.3)(values)
    out.sum().backward()
    assert values.grad is not None
    torch.testing.assert_close(values.grad * values, out)


def test_the_global_seed_decides() -> None:
    dropout, values = Dropout(0.5), torch.ones(100)
    torch.manual_seed(1)
    first = dropout(values)
    torch.manual_seed(1)
    assert torch.equal(dropout(values), first)
    assert not torch.equal(dropout(values), first)


def test_nothing_is_dropped_in_evaluation_or_at_rate_0() -> None:
    values = torch.ones(1000)
    assert torch.equal(Dropout(0.5).eval()(values), values)
    assert torch.equal(Dropout(0.0)(values), values)
