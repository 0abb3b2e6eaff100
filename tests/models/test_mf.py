"""Matrix factorization: its formula with every choice of biases, its penalty, its start."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch

from rexp.api import Batch, Capability, DataSpec, Query
from rexp.models.mf import MF, MFConfig

from .helpers import SPEC, check_capabilities, learn, shaken, two_tastes

QUERY = Query(torch.tensor([0, 3, 6, 3]))
ITEMS = torch.tensor([10, 0, 5, 5])
BIASES = list(product([False, True], repeat=3))


def mf(spec: DataSpec = SPEC, **options: Any) -> MF:
    return MF(MFConfig(**options), spec)


def biased(user: bool, item: bool, overall: bool, **options: Any) -> MF:
    return mf(user_bias=user, item_bias=item, global_bias=overall, **options)


@pytest.mark.parametrize("biases", BIASES)
def test_every_way_to_score_agrees(biases: tuple[bool, bool, bool]) -> None:
    model = shaken(biased(*biases, factors=5))
    check_capabilities(model, SPEC)
    assert {Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT, Capability.SCORES_ALL_ITEMS} == model.capabilities()


@pytest.mark.parametrize("biases", BIASES)
def test_the_score_is_the_formula_s(biases: tuple[bool, bool, bool]) -> None:
    model = shaken(biased(*biases, factors=5))
    user, item = model.users.rows()[QUERY.users], model.items.rows()[ITEMS]
    expected = (user[:, :5] * item[:, :5]).sum(1)
    expected = expected + (user[:, 5] if biases[0] else 0) + (item[:, 5] if biases[1] else 0)
    expected = expected + (model.bias if biases[2] else 0)
    torch.testing.assert_close(model.score(QUERY, ITEMS), expected)


@pytest.mark.parametrize("biases", BIASES)
def test_parameters(biases: tuple[bool, bool, bool]) -> None:
    user, item, overall = biases
    count = sum(parameter.numel() for parameter in biased(*biases, factors=5).parameters())
    assert count == 7 * (5 + user) + 11 * (5 + item) + overall


def test_it_starts_with_small_vectors_and_no_biases() -> None:
    torch.manual_seed(0)
    model = MF(MFConfig(factors=64, user_bias=True, global_bias=True), DataSpec(2000, 3000, 1))
    for table in (model.users, model.items):
        assert table.rows()[:, :64].std().item() == pytest.approx(0.1, rel=0.02)
        assert not table.rows()[:, 64].any()
    assert not model.bias.any()


@pytest.mark.parametrize("shape", [(4,), (4, 3)])
def test_the_penalty_counts_what_each_row_touches(shape: tuple[int, ...]) -> None:
    items = torch.randint(11, shape, generator=torch.Generator().manual_seed(0))
    batch = Batch(QUERY, items)
    model = shaken(biased(True, True, True, factors=5, l2=0.4, l2_reduction="sum"))
    expected = 0.0
    for user, row in zip(QUERY.users.tolist(), items.view(4, -1).tolist(), strict=True):
        expected += model.users.rows()[user].square().sum().item() + model.bias.item() ** 2
        expected += sum(model.items.rows()[item].square().sum().item() for item in row)
    assert model.penalty(batch).item() == pytest.approx(0.2 * expected, rel=1e-5)
    mean = shaken(biased(True, True, True, factors=5, l2=0.4))
    assert mean.penalty(batch).item() == pytest.approx(0.2 * expected / 4, rel=1e-5)
    assert Capability.REGULARIZED in mean.capabilities()


@pytest.mark.parametrize("layout", ["pair", "point"])
def test_each_part_can_have_a_strength_of_its_own(layout: str) -> None:
    model = shaken(mf(factors=5, l2_user=0.5, l2_positive=0.25, l2_negative=2.0))
    users, positives, negatives = torch.tensor([0, 3]), torch.tensor([10, 5]), torch.tensor([2, 5])
    batch = Batch(Query(users), torch.stack([positives, negatives], 1))
    rows = 2
    if layout == "point":
        users, rows = users.repeat(2), 4
        batch = Batch(Query(users), torch.cat([positives, negatives]), torch.tensor([1.0, 1.0, 0.0, 0.0]))
    norm = {name: table.rows().square().sum(1) for name, table in (("user", model.users), ("item", model.items))}
    expected = (
        0.5 * norm["user"][users].sum() + 0.25 * norm["item"][positives].sum() + 2 * norm["item"][negatives].sum()
    )
    torch.testing.assert_close(model.penalty(batch), expected / (2 * rows))
    assert Capability.REGULARIZED in model.capabilities()


@pytest.mark.parametrize("options", [{}, {"user_bias": True, "global_bias": True}, {"l2": 0.001}])
def test_it_learns_the_tastes(options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    split = two_tastes()
    assert learn(mf(split.spec, factors=8, **options), split) > 0.95


def test_a_strong_penalty_keeps_it_from_learning() -> None:
    torch.manual_seed(0)
    split = two_tastes()
    model = mf(split.spec, factors=8, l2=10.0)
    learn(model, split)
    assert model.users.rows().abs().max().item() < 0.05


@pytest.mark.parametrize("options", [{"factors": 0}, {"l2": -1.0}])
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        MFConfig(**options)
