"""What holds for every stage that swaps tables, in real models."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from rexp.api import Query, Requirement
from rexp.compress.surgery import describe_replacements, restore
from rexp.errors import ConfigError, RunError
from rexp.nn.embedding import EmbeddingTable
from tests.models.helpers import check_capabilities, learn, two_tastes

from .helpers import BUILD, POST, SPLIT, STAGES, apply, mf, ncf

MODELS = {"mf": mf, "ncf": ncf}
CODES = {"rowwise", "pq", "half"}


def bytes_of(module: torch.nn.Module) -> int:
    return sum(len(bytes(tensor.contiguous().view(torch.uint8).numpy())) for tensor in module.state_dict().values())


@pytest.mark.parametrize("name", STAGES)
def test_what_a_stage_says_of_itself(name: str) -> None:
    stage = STAGES[name][0]
    assert stage.phase == ("build" if name in BUILD else "post")
    assert stage.needs == {Requirement.TABLES}
    assert stage.trainable_after == (name not in CODES)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", STAGES)
def test_every_way_to_read_it_agrees(name: str, model: str) -> None:
    """One by one, in batches, and the whole table at once; so also every way to score."""
    swapped = apply(name, MODELS[model]())
    check_capabilities(swapped, SPLIT.spec)
    for table, n_rows in ((swapped.users, 60), (swapped.items, 43)):
        assert not isinstance(table, EmbeddingTable)
        rows = table.rows()
        assert rows.shape == (n_rows, table.dim)
        assert rows.dtype == torch.float32
        assert rows.isfinite().all()
        for shape in [(), (1,), (5, 3), (2, 0), (0,)]:
            ids = torch.randint(n_rows, shape)
            assert table(ids).shape == (*shape, table.dim)
            torch.testing.assert_close(table(ids), rows[ids])


@pytest.mark.parametrize("name", STAGES)
def test_its_bytes_are_those_of_its_tensors(name: str) -> None:
    model = apply(name, mf())
    for table, dense in ((model.users, mf().users), (model.items, mf().items)):
        assert table.nbytes() == bytes_of(table) < dense.nbytes()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", STAGES)
def test_a_stored_model_comes_back(name: str, model: str) -> None:
    stored = apply(name, MODELS[model]())
    described = json.loads(json.dumps(describe_replacements(stored, {name: STAGES[name][0]})))
    assert set(described) >= {"users", "items"}
    fresh = MODELS[model](seed=1)
    restore(fresh, described)
    fresh.load_state_dict(stored.state_dict())
    everyone = Query(torch.arange(60))
    assert torch.equal(fresh.eval().score_all(everyone), stored.score_all(everyone))
    assert fresh.users.nbytes() == stored.users.nbytes()


@pytest.mark.parametrize("name", STAGES)
def test_the_same_chance_makes_the_same_table(name: str) -> None:
    first, second = (apply(name, mf(), seed=3).users.rows() for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("name", BUILD)
def test_a_new_table_begins_with_the_variance_of_the_dense_one(name: str) -> None:
    model = apply(name, mf(factors=32, item_bias=False, init_scale=0.3))
    for table in (model.users, model.items):
        assert table.rows().square().mean().sqrt().item() == pytest.approx(0.3, rel=0.3)
        assert abs(table.rows().mean().item()) < 0.1


@pytest.mark.parametrize("name", sorted(set(BUILD) - {"tt"}))
def test_columns_of_zeros_begin_as_such(name: str) -> None:
    """The last column of an item is its bias. (A tensor train's entries all begin alike.)"""
    model = apply(name, mf(factors=16))
    torch.testing.assert_close(model.items.rows()[:, 16], torch.zeros(43), rtol=0, atol=1e-6)
    assert model.items.rows()[:, :16].abs().max() > 0.05


@pytest.mark.parametrize("name", BUILD)
def test_all_of_a_new_table_is_trained(name: str) -> None:
    model = apply(name, mf()).train()
    generator = torch.Generator().manual_seed(0)
    for table in (model.users, model.items):
        rows = table(torch.arange(table.n_rows))
        (rows * torch.randn(rows.shape, generator=generator)).sum().backward()
        for parameter in table.parameters():
            assert parameter.grad is not None
            assert parameter.grad.isfinite().all()
            assert parameter.grad.any()


@pytest.mark.parametrize("name", BUILD)
def test_a_model_learns_with_new_tables(name: str) -> None:
    split = two_tastes()
    model = apply(name, mf(split, factors=16), split)
    # Ids that share a hashed row cannot have two tastes.
    assert learn(model, split) > (0.65 if name == "hash" else 0.95)


@pytest.mark.parametrize("name", POST)
def test_what_was_learned_stays(name: str) -> None:
    split = two_tastes()
    model = mf(split, factors=16)
    learn(model, split)
    everyone = Query(torch.arange(40))
    before = model.score_all(everyone)
    after = apply(name, model, split).score_all(everyone)
    assert 1 - ((after - before).square().mean() / before.var()).item() > (0.8 if name == "cluster" else 0.9)
    assert (after.argmax(1) // 15 == torch.arange(40) % 2).all()


@pytest.mark.parametrize("name", sorted(CODES))
def test_codes_are_no_parameters(name: str) -> None:
    table = apply(name, mf()).users
    assert not list(table.parameters())
    assert not table(torch.tensor([1])).requires_grad


@pytest.mark.parametrize("name", sorted(set(POST) - CODES))
def test_what_may_be_trained_on_can_be(name: str) -> None:
    split = two_tastes()
    model = mf(split, factors=16)
    learn(model, split, steps=50)
    before = apply(name, model, split).users.rows().detach()
    assert learn(model, split) > 0.95
    assert (model.users.rows() - before).abs().max() > 0.1


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("name", STAGES)
def test_a_table_that_is_not_finite_is_refused(name: str, bad: float) -> None:
    model = mf()
    with torch.no_grad():
        model.items.weight[3, 2] = bad
    with pytest.raises(RunError, match="items holds values that are not finite"):
        apply(name, model)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("hash", {"buckets": 60}),
        ("ce", {"buckets": 60}),
        ("qr", {"buckets": 60}),
        ("lowrank", {"rank": 17}),
        ("svd", {"rank": 17}),
        ("dhe", {"width": 40}),
        ("tt", {"rank": 40}),
        ("mixed_dim", {"width": 17, "alpha": 0.0}),
        ("cluster", {"clusters": 60}),
        ("pq", {"parts": 17, "bits": 8}),
    ],
)
def test_what_makes_no_table_smaller_is_refused(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="makes no table smaller"):
        apply(name, mf(), **options)


def test_a_table_that_would_not_get_smaller_is_left_alone() -> None:
    model = mf()
    before = model.items.weight
    apply("hash", model, buckets=50)  # of 60 users, 43 items
    assert model.items.weight is before
    assert model.users.nbytes() == 50 * 16 * 4 + 16


def test_targets_choose_and_ignore_leaves_out() -> None:
    model = apply("half", mf(), targets=("*s",), ignore=("items",))
    assert isinstance(model.items, EmbeddingTable)
    assert not isinstance(model.users, EmbeddingTable)
    with pytest.raises(ConfigError, match="leaves no EmbeddingTable"):
        apply("half", mf(), targets=("tower.*",))


def test_what_is_inside_a_new_table_can_be_quantized_in_turn() -> None:
    """The factor of a low-rank table is a table, also when it is read from the disk."""
    model = apply("rowwise", apply("svd", mf(factors=64), rank=16))
    factors = [table.factor for table in (model.users, model.items)]
    assert [type(factor).__name__ for factor in factors] == ["RowwiseTable"] * 2
    check_capabilities(model, SPLIT.spec)
    described = json.loads(
        json.dumps(describe_replacements(model, {name: STAGES[name][0] for name in ("svd", "rowwise")}), sort_keys=True)
    )
    assert list(described) == ["items", "items.factor", "users", "users.factor"]
    fresh = mf(factors=64, seed=1)
    restore(fresh, described)
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh.users.rows(), model.users.rows())


@pytest.mark.parametrize("name", STAGES)
def test_rows_keep_their_device_and_mode(name: str) -> None:
    model = mf().train()
    apply(name, model)
    assert model.users.training
    assert model.users.rows().device == torch.device("cpu")
