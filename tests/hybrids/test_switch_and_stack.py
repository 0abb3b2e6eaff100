"""One part for each user or item, and a regression on what all of them say."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from rexp.errors import ConfigError
from rexp.hybrids.stack import Stack, StackConfig
from rexp.hybrids.switch import Switch, SwitchConfig

from .parts import ALL, made, part, split_of, table, untaken

SPLIT = split_of()
TABLES = [table(seed) for seed in (1, 2, 3)]


@pytest.mark.parametrize("by", ["user", "item"])
def test_the_number_of_interactions_decides(by: Any) -> None:
    model = made(Switch, SPLIT, [part(scores) for scores in TABLES], by=by, at=(1, 4), scale="none")
    matrix = ~untaken(SPLIT)
    counts = matrix.sum(1) if by == "user" else matrix.sum(0)
    found = model.score_all(ALL).numpy()
    for user in range(4):
        for item in range(9):
            count = counts[user] if by == "user" else counts[item]
            assert found[user, item] == TABLES[0 if count < 1 else 1 if count < 4 else 2][user, item]


def test_cold_items_are_left_to_the_content() -> None:
    model = made(Switch, SPLIT, [part(TABLES[0]), part(TABLES[1])])
    cold = SPLIT.train_users_per_item == 0
    scores = model.score_all(ALL).numpy()
    for user, free in enumerate(untaken(SPLIT)):
        for chosen, its in ((TABLES[0], cold), (TABLES[1], ~cold)):
            row = (chosen[user] - chosen[user][free].mean()) / chosen[user][free].std()
            np.testing.assert_allclose(scores[user][its], row[its], rtol=1e-4, atol=1e-5)


def test_numbers_that_do_not_fit_are_told() -> None:
    with pytest.raises(ConfigError, match="1 numbers, which is for one run more, not 3"):
        made(Switch, SPLIT, [part(scores) for scores in TABLES])
    for at in ((), (2, 1), (0,)):
        with pytest.raises(ValueError, match="ascending"):
            SwitchConfig(at=at)


def stacked(**options: Any) -> Any:
    """A stack of a part that knows the validation items and one that knows nothing."""
    split = split_of(n_users=40, n_items=30)
    known = table(5, 40, 30)
    known[split.valid.users, split.valid.items] += 3
    return made(Stack, split, [part(known), part(table(6, 40, 30))], **options), split


def test_who_knows_more_gets_the_weight() -> None:
    model, _ = stacked()
    assert model.weights[0] > 1
    assert abs(model.weights[1]) < 0.3


def test_weights_are_those_of_the_regression_on_all_pairs() -> None:
    """With many draws the negatives are what is not taken, and logistic regression gives what it gives on them."""
    model, split = stacked(negatives=400, counts=True)
    features = model.features(torch_query(40)).numpy()
    valid = np.zeros((40, 30), bool)
    valid[split.valid.users, split.valid.items] = True
    free = untaken(split) & (split.train_users_per_item > 0)
    weight = np.where(valid, 1.0, 400 * valid.sum(1, keepdims=True) / (free & ~valid).sum(1, keepdims=True))
    chosen = free & (valid | valid.any(1, keepdims=True))
    learned = LogisticRegression(max_iter=1000).fit(features[:, chosen].T, valid[chosen], weight[chosen])
    np.testing.assert_allclose(model.weights, learned.coef_[0], atol=0.1)
    expected = np.tensordot(model.weights.numpy(), features, 1)
    np.testing.assert_allclose(model.score_all(torch_query(40)), expected, atol=1e-4)


def test_trees_find_where_a_part_is_to_be_trusted() -> None:
    """The first part knows popular items, the second rare ones: no weights are right for both."""
    split = split_of(n_users=200, n_items=40)
    chance = np.random.default_rng(0)
    popular = split.train_users_per_item > np.median(split.train_users_per_item)
    noise = [chance.normal(size=(200, 40)).astype(np.float32) for _ in range(2)]
    told = np.zeros((200, 40), np.float32)
    told[split.valid.users, split.valid.items] = 4
    parts = [part(noise[0] + told * popular), part(noise[1] + told * ~popular)]
    free = untaken(split)
    valid = np.zeros((200, 40), bool)
    valid[split.valid.users, split.valid.items] = True

    def auc(learner: str) -> float:
        model = made(Stack, split, parts, learner=learner, counts=True, min_leaf=10)
        scores = model.score_all(torch_query(200)).numpy()
        return float(roc_auc_score(valid[free], scores[free]))

    assert auc("trees") > auc("logistic")
    assert auc("trees") > 0.9


def test_trees_are_those_that_lightgbm_grows_of_the_same_rows() -> None:
    model, _ = stacked(learner="trees", min_leaf=5)
    again, _ = stacked(learner="trees", min_leaf=5)
    assert model.grown.text() == again.grown.text()
    rows = model.features(torch_query(40)).flatten(1).T.numpy()
    theirs = lightgbm.Booster(model_str=model.grown.text()).predict(rows, raw_score=True)
    np.testing.assert_allclose(model.score_all(torch_query(40)).flatten(), theirs, rtol=1e-6)
    other, _ = stacked(learner="trees", trees=1)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.score_all(torch_query(40)), model.score_all(torch_query(40)))
    assert "weights" in model.state_dict()


def torch_query(n: int) -> Any:
    return type(ALL)(torch.arange(n))


def test_the_same_seed_learns_the_same() -> None:
    assert torch.equal(stacked()[0].weights, stacked()[0].weights)
    for options in ({"negatives": 0}, {"c": 0.0}, {"trees": 0}, {"leaves": 1}):
        with pytest.raises(ValueError, match=next(iter(options))):
            StackConfig(**options)  # type: ignore[arg-type]
