"""Means of ratings, against means that are taken by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from rexp.api import Capability
from rexp.errors import ConfigError
from rexp.models.bias import Bias, BiasConfig, Mean

from .closed_form import everyone, fitted, planted
from .helpers import check_capabilities
from .rating_models import by_user, mean_of, rated, transposed

# Item 0 is rated 5 and 3, item 1 is rated 1; nobody rates item 2, and user 2 nothing.
SPLIT = planted([(0, 0), (0, 1), (1, 0)], 3, 3, ratings=[5.0, 1.0, 3.0])


def test_the_mean_is_that_of_all_ratings() -> None:
    assert everyone(fitted(Mean, SPLIT), SPLIT).tolist() == [[3.0] * 3] * 3


def test_biases_are_damped_means() -> None:
    """mu = 3; b_i = (2 + 0) / (2 + 2), -2 / (1 + 2), 0; then b_u of what remains, damped by 1."""
    items = [0.5, -2 / 3, 0.0]
    users = [(2 - 0.5 - 2 + 2 / 3) / 3, (0 - 0.5) / 2, 0.0]
    expected = [[3 + user + item for item in items] for user in users]
    scores = everyone(fitted(Bias, SPLIT, item_damping=2.0, user_damping=1.0), SPLIT)
    torch.testing.assert_close(scores, torch.tensor(expected))


def test_epochs_are_alternating_least_squares() -> None:
    """Against a loop over items, then users, from biases of 0."""
    split = rated()
    users = by_user(split)
    items, mean = transposed(users), mean_of(users)
    b_u, b_i = dict.fromkeys(range(split.n_users), 0.0), dict.fromkeys(range(split.n_items), 0.0)
    for _ in range(3):
        for i, own in items.items():
            b_i[i] = sum(r - mean - b_u[u] for u, r in own.items()) / (10 + len(own))
        for u, own in users.items():
            b_u[u] = sum(r - mean - b_i[i] for i, r in own.items()) / (15 + len(own))
    expected = [[mean + b_u[u] + b_i[i] for i in b_i] for u in b_u]
    scores = everyone(fitted(Bias, split, item_damping=10.0, user_damping=15.0, epochs=3), split)
    torch.testing.assert_close(scores, torch.tensor(expected))


@pytest.mark.parametrize("model_class", [Mean, Bias])
def test_it_is_a_closed_form_model_of_ratings(model_class: type, tmp_path: Path) -> None:
    model = fitted(model_class, SPLIT)
    wanted = {Capability.CLOSED_FORM, Capability.SCORES_ALL_ITEMS, Capability.PREDICTS_RATINGS}
    assert model.capabilities() == wanted
    check_capabilities(model, SPLIT.spec)
    scores = everyone(model, SPLIT)
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    again = model_class(model_class.Config(), SPLIT.spec)  # type: ignore[attr-defined]
    again.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(everyone(again, SPLIT), scores)
    with pytest.raises(ConfigError, match="has no ratings"):
        fitted(model_class, planted([(0, 0)], 1, 1))


def test_impossible_options_are_refused() -> None:
    with pytest.raises(ValueError, match="item_damping=-1"):
        BiasConfig(item_damping=-1)
    with pytest.raises(ValueError, match="epochs=0"):
        BiasConfig(epochs=0)
