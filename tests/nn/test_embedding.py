"""Tables and initial values."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch

from rexp.nn.embedding import EmbeddingTable, Init, InitName, embedding_table, initialize

SHAPE = (300, 200)  # fan-out, fan-in
VARIANCES: dict[str, float] = {
    "normal": 0.3**2,
    "uniform": 0.3**2 / 3,
    "glorot_uniform": 0.3**2 * 2 / 500,
    "glorot_normal": 0.3**2 * 2 / 500,
    "lecun_uniform": 0.3**2 / 200,
    "lecun_normal": 0.3**2 / 200,
    "he_uniform": 0.3**2 * 2 / 200,
    "zeros": 0.0,
}


@pytest.mark.parametrize("name", get_args(InitName))
def test_moments_are_the_distribution_s(name: InitName) -> None:
    torch.manual_seed(0)
    values = initialize(torch.full(SHAPE, torch.nan), name, 0.3)
    deviation = math.sqrt(VARIANCES[name])
    assert values.std().item() == pytest.approx(deviation, rel=0.02)
    assert abs(values.mean().item()) <= 4 * deviation / math.sqrt(values.numel())
    if name.endswith("uniform"):
        bound = deviation * math.sqrt(3)
        assert 0.99 * bound < values.abs().max().item() <= bound
    elif name.endswith("normal"):
        assert values.abs().max().item() > 3 * deviation


def test_glorot_is_torch_s() -> None:
    torch.manual_seed(0)
    ours = initialize(torch.empty(SHAPE), "glorot_uniform")
    torch.manual_seed(0)
    assert torch.allclose(ours, torch.nn.init.xavier_uniform_(torch.empty(SHAPE)))


@pytest.mark.parametrize("shape", [(4,), (2, 3), (0,)])
def test_forward_gives_rows_in_the_shape_of_the_ids(shape: tuple[int, ...]) -> None:
    table = embedding_table(7, 5, Init("normal", 1.0))
    ids = torch.randint(7, shape)
    assert torch.equal(table(ids), table.rows()[ids])


def test_gradient_is_that_of_an_embedding() -> None:
    table = embedding_table(7, 5, Init("normal", 1.0))
    ids = torch.tensor([[1, 1, 6], [0, 1, 6]])
    upstream = torch.randn(2, 3, 5)
    table(ids).backward(upstream)
    other = torch.nn.Embedding(7, 5)
    other(ids).backward(upstream)
    assert torch.allclose(table.weight.grad, other.weight.grad)


def test_assign_and_nbytes() -> None:
    table = EmbeddingTable(3, 2)
    rows = torch.arange(6.0).view(3, 2)
    table.assign(rows)
    assert torch.equal(table.rows(), rows)
    assert table.nbytes() == 24
    rows[0] = 9  # the table keeps a copy
    assert table.rows()[0, 0] == 0
