"""What matters, measured on training interactions."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st

from rexp.compress.prune._importance import inputs_of, most_important, outputs_of, training_sample
from rexp.models.ncf import NCF, NCFConfig
from tests.compress.embed.helpers import SPLIT, context


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


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20), st.floats(0.01, 1))
def test_who_stays_is_no_smaller_than_who_goes(importance: list[float], keep: float) -> None:
    stay = most_important(torch.tensor(importance), keep).tolist()
    gone = [value for place, value in enumerate(importance) if place not in stay]
    assert stay == sorted(set(stay))
    assert len(stay) == max(1, round(keep * len(importance)))
    assert max(gone, default=0.0) <= min(importance[place] for place in stay)
