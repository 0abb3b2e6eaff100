"""LightGCN: smoothing against dense matrices, its gradient, one smoothing a step, and the contract of a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from rexp.api import Batch, Capability, Query, StageContext
from rexp.compress.prune.pack import Pack, PackConfig
from rexp.compress.quantize.half import Half, HalfConfig
from rexp.data.split import Split  # noqa: TC001
from rexp.models import lightgcn
from rexp.models.lightgcn import LightGCN, LightGCNConfig

from .closed_form import lonely, ones
from .helpers import check_capabilities, learn, shaken, two_tastes


def built(split: Split, **options: Any) -> LightGCN:
    torch.manual_seed(0)
    model = LightGCN(LightGCNConfig(**{"factors": 5, **options}), split.spec)
    model.bind(split)
    return model


def smoothed(model: LightGCN, split: Split) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The mean over layers by powers of the whole (U + I)^2 matrix."""
    taken = ones(split)
    n_users = len(taken)
    graph = np.zeros((sum(taken.shape),) * 2)
    graph[:n_users, n_users:], graph[n_users:, :n_users] = taken, taken.T
    inverse = np.array([degree**-0.5 if degree else 0.0 for degree in graph.sum(1)])
    normal = inverse[:, None] * graph * inverse
    start = torch.cat([model.users.rows(), model.items.rows()]).detach().double().numpy()
    layers = model.config.layers
    total = sum(np.linalg.matrix_power(normal, k) @ start for k in range(layers + 1)) / (layers + 1)
    return total[:n_users], total[n_users:]


@pytest.mark.parametrize("layers", [0, 1, 3])
@torch.no_grad()
def test_smoothing_is_the_mean_over_the_layers(layers: int) -> None:
    split = lonely()
    model = shaken(built(split, layers=layers))
    users, items = smoothed(model, split)
    np.testing.assert_allclose(model.user_embeddings(Query(torch.arange(5))).numpy(), users, atol=1e-5)
    np.testing.assert_allclose(model.item_embeddings().numpy(), items, atol=1e-5)


def test_the_gradient_is_the_smoothing_s() -> None:
    model = built(lonely())
    edges, back = (lightgcn._csr(matrix).double() for matrix in (model.edges, model.edges_back))
    users = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
    items = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda u, i: lightgcn._Smooth.apply(u, i, edges, back, 3, lambda: None), (users, items)
    )


def test_a_step_smooths_once_and_a_new_step_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    smooth = lightgcn._smooth
    monkeypatch.setattr(lightgcn, "_smooth", lambda *given: calls.append(1) or smooth(*given))
    split = two_tastes()
    model = built(split)
    optimizer = torch.optim.Adam(model.parameters(), 0.1, fused=True)
    query, items = Query(torch.arange(8)), torch.arange(16).view(8, 2)
    for step in range(1, 3):
        loss = model.score(query, items).square().mean() + model.penalty(Batch(query, items))
        loss = loss + model.item_embeddings().mean() + model.user_embeddings(query).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert len(calls) == 2 * step  # forward and backward
    model.eval()
    with torch.no_grad():
        before = model.score_all(query)
        assert torch.equal(model.score_all(query), before)
        assert len(calls) == 5
        model.users.rows()[0] += 1
        assert not torch.equal(model.score_all(query), before)


def test_gradients_flow_whoever_asked_before() -> None:
    model = built(two_tastes())
    optimizer = torch.optim.Adam(model.parameters(), 0.1, fused=True)
    for _ in range(2):
        with torch.no_grad():
            before = model.item_embeddings()  # as a sampler of hard negatives does
        vectors = model.item_embeddings()
        torch.testing.assert_close(vectors, before)
        optimizer.zero_grad()
        vectors.square().sum().backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        assert not torch.equal(model.item_embeddings(), before)
    model.item_embeddings().sum().backward()  # not what was kept without a graph


@torch.no_grad()
def test_what_is_kept_follows_the_weights() -> None:
    split = two_tastes()
    model = built(split).eval()
    before = model.item_embeddings()
    assert model.item_embeddings() is before
    assert model.double().item_embeddings().dtype == torch.float64  # moved, as to another device
    model.float()
    model.items.weight.data = 2 * model.items.weight  # replaced
    doubled = model.item_embeddings()
    assert not torch.equal(doubled, before)
    model.load_state_dict(built(split).state_dict())
    torch.testing.assert_close(model.item_embeddings(), before)
    model.bind(thinned(split))
    assert not torch.allclose(model.item_embeddings(), before)


def thinned(split: Split) -> Split:
    """The same users and items with half of the interactions."""
    half = split.train.take(np.arange(len(split.train)) % 2 == 0)
    return replace(split, train=half)


def test_mixed_precision_smooths_in_single() -> None:
    split = two_tastes()
    model, single = built(split), built(split)
    batch = Batch(Query(torch.arange(8)), torch.arange(16).view(8, 2))
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(model.encode(), single.encode())
        (model.score(batch.query, batch.items).mean() + model.penalty(batch)).backward()
    (single.score(batch.query, batch.items).mean() + single.penalty(batch)).backward()
    torch.testing.assert_close(model.users.weight.grad, single.users.weight.grad, rtol=0.02, atol=1e-4)


@torch.no_grad()
def test_it_keeps_the_contract(tmp_path: Path) -> None:
    split = lonely()
    model = shaken(built(split))
    assert check_capabilities(model, split.spec).isfinite().all()
    assert {Capability.REGULARIZED, Capability.NEEDS_TRAIN_DATA} <= model.capabilities()
    assert Capability.REGULARIZED not in built(split, l2=0.0).capabilities()
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    assert set(model.state_dict()) == {"users.weight", "items.weight"}
    again = built(split).double().eval()
    again.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    everyone = Query(torch.arange(5))
    assert torch.equal(again.score_all(everyone), model.score_all(everyone))


def test_it_learns_the_tastes() -> None:
    split = two_tastes()
    assert learn(built(split, factors=8), split, 60) > 0.95


@torch.no_grad()
def test_the_penalty_counts_what_is_touched() -> None:
    model = shaken(built(lonely(), l2=0.4))
    batch = Batch(Query(torch.tensor([1, 3])), torch.tensor([[0, 2], [5, 0]]))
    norm = [table.rows().square().sum(1) for table in (model.users, model.items)]
    expected = 0.4 * (norm[0][[1, 3]].sum() + norm[1][[0, 2, 5, 0]].sum()) / 4
    torch.testing.assert_close(model.penalty(batch), expected)
    summed = shaken(built(lonely(), l2=0.4, l2_reduction="sum"))
    torch.testing.assert_close(summed.penalty(batch), 2 * expected)


@pytest.mark.parametrize("options", [{"factors": 0}, {"layers": -1}, {"l2": -1.0}])
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        LightGCNConfig(**options)


@pytest.mark.parametrize("stage", [Half(HalfConfig()), Pack(PackConfig(sparsity=0.5))])
def test_compact_tables_are_smoothed_once_for_many_requests(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    split = two_tastes()
    model = built(split, factors=16).eval()
    stage.apply(model, StageContext(split, torch.Generator()))
    made: list[int] = []
    smooth = lightgcn._smooth
    monkeypatch.setattr(lightgcn, "_smooth", lambda *inputs: made.append(1) or smooth(*inputs))
    with torch.no_grad():
        first = model.score_all(Query(torch.tensor([0])))
        assert torch.equal(model.score_all(Query(torch.tensor([0]))), first)
    assert made == [1]
