"""Sparse gradients give what dense ones give, and are used only where that is so."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rexp.api import Batch, DataSpec, Query
from rexp.models.mf import MF, MFConfig
from rexp.train.config import FitConfig
from rexp.train.optimizer import make_optimizer, use_sparse_gradients

SPEC = DataSpec(900, 700, 1)


def trained(rows_a_step: int, **recipe: Any) -> MF:
    """After some steps of two users and four items each."""
    torch.manual_seed(0)
    model, config = MF(MFConfig(factors=4, l2=0.01), SPEC), FitConfig(lr=0.05, **recipe)
    use_sparse_gradients(model, config, rows_a_step)
    optimizer = make_optimizer(model, config)
    generator = torch.Generator().manual_seed(1)
    for _ in range(20):
        batch = Batch(Query(torch.randint(9, (2,), generator=generator)), torch.randint(9, (2, 2), generator=generator))
        scores = model.score(batch.query, batch.items)
        loss = torch.nn.functional.softplus(scores[:, 1] - scores[:, 0]).mean() + model.penalty(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
def test_sparse_gradients_train_the_same(optimizer: str) -> None:
    sparse, dense = trained(4, optimizer=optimizer), trained(10_000, optimizer=optimizer)
    assert sparse.users.sparse
    assert sparse.items.sparse
    assert not dense.users.sparse
    assert sparse.users.weight.grad is not None
    assert sparse.users.weight.grad.is_sparse
    torch.testing.assert_close(sparse.users.rows(), dense.users.rows())
    torch.testing.assert_close(sparse.items.rows(), dense.items.rows())
    assert not torch.equal(dense.items.rows(), MF(MFConfig(factors=4), SPEC).items.rows())


@pytest.mark.parametrize(
    "recipe", [{"optimizer": "adam"}, {"optimizer": "sgd", "weight_decay": 0.1}, {"clip_norm": 1.0}]
)
def test_what_touches_every_row_stays_dense(recipe: dict[str, Any]) -> None:
    assert not trained(4, **recipe).users.sparse


def test_adam_gets_its_betas() -> None:
    optimizer = make_optimizer(MF(MFConfig(), SPEC), FitConfig(betas=(0.8, 0.98)))
    assert optimizer.param_groups[0]["betas"] == (0.8, 0.98)
