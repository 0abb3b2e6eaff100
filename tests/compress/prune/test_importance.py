"""What matters, measured on training interactions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rexp.api import Query
from rexp.compress.prune._importance import (
    inputs_of,
    most_important,
    outputs_of,
    score_sensitivity,
    training_sample,
)
from rexp.errors import ConfigError
from rexp.models.ncf import NCF, NCFConfig
from tests.compress.embed.helpers import SPLIT, context, mf


def test_a_sample_is_of_interactions_that_were_trained_on() -> None:
    users, items = training_sample(context())
    trained = set(zip(SPLIT.train.users.tolist(), SPLIT.train.items.tolist(), strict=True))
    assert set(zip(users.tolist(), items.tolist(), strict=True)) <= trained
    assert len(users) == min(4096, len(SPLIT.train))


def test_activations_are_means_over_training_interactions() -> None:
    torch.manual_seed(0)
    model: Any = NCF(NCFConfig("mlp", factors=8), SPLIT.spec)
    (first, *_) = model.hidden_units()
    found = inputs_of(model, [first.taker], context())[first.taker]
    users, items = training_sample(context())
    with torch.no_grad():
        hidden = model.tower.user_side(model.users(users)) + model.tower.item_side(model.items(items))
    torch.testing.assert_close(found, hidden.relu().mean(0))
    torch.testing.assert_close(outputs_of(model, ["items"], context())["items"], model.items(items).abs().mean(0))
    assert model.training


def test_scores_of_a_dot_product_move_with_a_column_as_far_as_the_other_side_is_long() -> None:
    model = mf(factors=4)
    with torch.no_grad():
        model.users.weight.mul_(torch.tensor([4.0, 2.0, 1.0, 0.1]))
    users, items = model.users.weight.detach(), model.items.weight.detach()
    found = [
        score_sensitivity(model, [model.users.weight, model.items.weight], context(seed=seed)) for seed in range(8)
    ]
    of_users, of_items = (torch.stack(side).square().mean(0).sqrt() for side in zip(*found, strict=True))
    expected = items[:, :4].square().mean(0) / len(users), users.square().mean(0) / len(items)
    torch.testing.assert_close(of_users, expected[0].sqrt(), rtol=0.1, atol=0)
    torch.testing.assert_close(of_items[:4], expected[1].sqrt(), rtol=0.1, atol=0)
    torch.testing.assert_close(of_items[4], torch.tensor(len(items) ** -0.5), rtol=0.1, atol=0)  # the bias meets a 1


def test_what_removing_one_weight_does_to_all_scores() -> None:
    torch.manual_seed(0)
    model: Any = NCF(NCFConfig("neumf", factors=4, layers=(8, 4)), SPLIT.spec).double()
    everyone = Query(torch.arange(SPLIT.n_users))
    table = model.items.weight
    (scales,) = zip(*(score_sensitivity(model, [table], context(seed=seed)) for seed in range(8)), strict=True)
    predicted = table.detach().abs() * torch.stack(scales).square().mean(0).sqrt()
    with torch.no_grad():
        whole, made = model.score_all(everyone), []
        for column in range(table.shape[1]):  # all rows' weights of a column at once: a row moves its own scores alone
            kept = table[:, column].clone()
            table[:, column] = 0
            made.append((model.score_all(everyone) - whole).square().mean().sqrt())
            table[:, column] = kept
    found = predicted.square().sum(0).sqrt()
    torch.testing.assert_close(found, torch.stack(made), rtol=0.5, atol=0)
    assert model.training


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20), st.floats(0.01, 1))
def test_who_stays_is_no_smaller_than_who_goes(importance: list[float], keep: float) -> None:
    stay = most_important(torch.tensor(importance), keep).tolist()
    gone = [value for place, value in enumerate(importance) if place not in stay]
    assert stay == sorted(set(stay))
    assert len(stay) == max(1, round(keep * len(importance)))
    assert max(gone, default=0.0) <= min(importance[place] for place in stay)


def test_weights_without_gradients_have_no_sensitivity() -> None:
    model = mf(factors=4).requires_grad_(False)
    with pytest.raises(ConfigError, match="take importance=magnitude"):
        score_sensitivity(model, [model.users.weight, model.items.weight], context())
