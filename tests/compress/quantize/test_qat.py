"""Training on the grid: forward as it will be stored, backward as if there were none."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from rexp.api import Query
from rexp.compress.prune._weights import weights_of
from rexp.compress.quantize.int8_linear import Int8Linear, Int8LinearConfig
from rexp.compress.quantize.qat import QAT, QATConfig
from rexp.compress.quantize.rowwise import Rowwise, RowwiseConfig
from tests.compress.embed.helpers import context, mf, ncf

EVERYONE = Query(torch.arange(60))


def attached(model: Any, **options: Any) -> Any:
    return QAT(QATConfig(**options)).attach(model, context())


def test_a_row_of_two_bits_by_hand() -> None:
    model = mf(factors=4, item_bias=False)
    with torch.no_grad():
        model.users.weight[3] = torch.tensor([-1.0, -0.4, 0.6, 2.0])  # steps of 1 from -1
    attached(model, bits=2)
    rows = model.users(torch.tensor([3]))
    assert rows.tolist() == [[-1.0, 0.0, 1.0, 2.0]]
    # The gradient of the sum of squares is twice what was read, at the weight that it was read for.
    rows.square().sum().backward()
    assert model.users.weight.grad[3].tolist() == [-2.0, 0.0, 2.0, 4.0]
    assert not model.users.weight.grad[:3].any()


@pytest.mark.parametrize("search", ["none", "greedy"])
@pytest.mark.parametrize("bits", [8, 4, 2])
def test_rowwise_stores_what_training_saw(bits: Any, search: Any) -> None:
    """By ids and as a whole, and the weights that are left are those that were trained."""
    model, items = mf(factors=8), torch.arange(43).expand(60, 43)
    plain = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    stage = attached(model, bits=bits, search=search)
    with torch.no_grad():
        seen, all_seen = model.score(EVERYONE, items), model.score_all(EVERYONE)
    stage.finish()
    assert model.state_dict().keys() == plain.keys()
    assert all(torch.equal(tensor, plain[name]) for name, tensor in model.state_dict().items())
    assert not torch.allclose(model.score_all(EVERYONE), all_seen, atol=1e-4 if bits < 8 else 1e-6)
    Rowwise(RowwiseConfig(bits=bits, search=search)).apply(model, context())
    torch.testing.assert_close(seen, all_seen)
    torch.testing.assert_close(model.score_all(EVERYONE), all_seen)


def test_int8_linear_stores_what_training_saw() -> None:
    model = ncf()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    stage = attached(model, kinds=("linear",))
    seen = model.score_all(EVERYONE).detach()
    model.train().score_all(EVERYONE).sum().backward()
    stage.finish()
    assert model.tower.user_layer.weight.grad is not None
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert model.state_dict().keys() == before.keys()
    Int8Linear(Int8LinearConfig()).apply(model.eval(), context())
    torch.testing.assert_close(model.score_all(EVERYONE), seen)


def test_what_was_kept_for_a_validation_is_forgotten_after_a_step() -> None:
    model = mf(factors=8)
    stage = attached(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.5, fused=True)
    with torch.no_grad():
        first = model.items.rows()
        assert model.items.rows() is first
    model.score(EVERYONE, torch.zeros(60, dtype=torch.int64)).sum().backward()
    optimizer.step()
    stage.after_step()
    with torch.no_grad():
        assert not torch.equal(model.items.rows()[0], first[0])


def test_training_on_the_grid_loses_less_than_rounding_alone() -> None:
    """Both are the same fitted tables with as many steps more; products of two bits cannot hold what is wanted."""
    torch.manual_seed(0)
    wanted = torch.randn(60, 6) @ torch.randn(6, 43)

    def steps(model: Any, n: int, lr: float, stage: Any = None) -> None:
        optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        for _ in range(n):
            optimizer.zero_grad()
            F.mse_loss(model.users.rows() @ model.items.rows().T, wanted).backward()
            optimizer.step()
            if stage:
                stage.after_step()

    def loss_of(*, aware: bool) -> float:
        model = mf(factors=16, item_bias=False)
        steps(model, 200, 0.02)
        stage = attached(model, bits=2) if aware else None
        steps(model, 200, 0.002, stage)
        if stage:
            stage.finish()
        Rowwise(RowwiseConfig(bits=2)).apply(model, context())
        return F.mse_loss(model.users.rows() @ model.items.rows().T, wanted).item()

    assert loss_of(aware=True) < 0.75 * loss_of(aware=False)


def test_nothing_to_quantize_is_refused() -> None:
    with pytest.raises(ValueError, match="kinds"):
        QATConfig(kinds=())


def test_pruning_finds_the_trained_weights_of_layers_that_are_read_on_the_grid() -> None:
    model = ncf()
    before = weights_of(model, ["linear"], ["*"], [])
    stage = attached(model, kinds=("linear",))
    found = weights_of(model, ["linear"], ["*"], [])
    assert found.keys() == before.keys()
    assert all(found[path] is before[path] for path in before)
    with torch.no_grad():
        for weight in found.values():
            weight.zero_()
    stage.finish()
    assert not any(weight.any() for weight in weights_of(model, ["linear"], ["*"], []).values())
