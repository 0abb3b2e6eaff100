"""Aligning distillation, computed by hand in float64."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log, tanh
from typing import Any

import numpy as np
import pytest
import torch

from rexp.api import Batch, Query
from rexp.compress.distill.aligned import Aligned, AlignedConfig, apart, trust
from rexp.data.interactions import Interactions
from rexp.data.split import Split
from rexp.errors import ConfigError

from .helpers import OneStep, Teacher, context_of, mf

USERS, ITEMS = np.array([0, 0, 0, 1, 2], np.int32), np.array([0, 1, 2, 0, 0], np.int32)
NOTHING = Interactions(USERS[:0], ITEMS[:0])
SPLIT = Split("planted", Interactions(USERS, ITEMS), NOTHING, NOTHING, 3, 4, fingerprint="planted")
BATCH = Batch(Query(torch.tensor([0, 1])), torch.tensor([[1, 3], [0, 2]]))


def bce(logit: float, label_logit: float) -> float:
    label = 1 / (1 + exp(-label_logit))
    return label * log(1 + exp(-logit)) + (1 - label) * log(1 + exp(logit))


def test_an_item_of_few_users_teaches_little() -> None:
    # f: item 0 by 1/3 + 1 + 1, items 1 and 2 by 1/3, item 3 by none; their mean is 3/4.
    expected = [tanh(2.0), tanh(2 * (1 / 3) / 0.75), tanh(2 * (1 / 3) / 0.75), 0.0]
    np.testing.assert_allclose(trust(SPLIT, 2.0), expected, rtol=1e-6)
    assert trust(SPLIT, 0.0).tolist() == [1, 1, 1, 1]


def losses(batch: Batch, config: AlignedConfig, sums: bool = False) -> dict[str, float]:
    student, teacher = mf(SPLIT, 2, 1).double(), Teacher(mf(SPLIT, 3, 2).double(), SPLIT)
    hook = Aligned(config).attach(student, context_of(SPLIT, teacher))
    hook.trust = hook.trust.double()
    hook.on_epoch(1)
    return {name: value.item() for name, value in hook.loss(OneStep(student, batch, sums)).items()}


def by_hand(trusted: dict[int, float]) -> dict[str, float]:
    """Means over the two pairs, without weights of the losses."""
    found = dict.fromkeys(("ranking", "identification", "rating"), 0.0)
    vectors = []
    for seed, size in ((1, 2), (2, 3)):
        model = mf(SPLIT, size, seed).double()
        vectors.append((model.users.weight.detach().numpy(), model.items.weight.detach().numpy()))
    negatives = (3, 2)
    for user, positive, negative in ((0, 1, 3), (1, 0, 2)):
        (own_p, own_n), (taught_p, taught_n) = (
            (float(users[user] @ items[positive]), float(users[user] @ items[negative])) for users, items in vectors
        )
        told = [
            float(items[positive] @ items[positive]) - sum(float(items[positive] @ items[j]) for j in negatives) / 2
            for _, items in vectors
        ]
        found["ranking"] += trusted[positive] * bce(own_p - own_n, taught_p - taught_n) / 2
        found["identification"] += trusted[positive] * bce(*told) / 2
        found["rating"] += (abs(own_p - taught_p) + abs(own_n - taught_n)) / 2
    return found


def test_the_three_losses() -> None:
    config = AlignedConfig(ranking=0.5, identification=2.0, rating=3.0, trusted_at=2.0)
    hand = by_hand({0: tanh(2.0), 1: tanh(2 * (1 / 3) / 0.75)})
    expected = {"ranking": 0.5 * hand["ranking"], "identification": 2 * hand["identification"]}
    expected["rating"] = 3 * hand["rating"]
    assert losses(BATCH, config) == pytest.approx(expected, rel=1e-6)
    # Beside a fit's loss that is a sum over two pairs, twice as much.
    doubled = {name: 2 * value for name, value in expected.items()}
    assert losses(BATCH, config, sums=True) == pytest.approx(doubled, rel=1e-6)


def test_what_must_not_count_does_not() -> None:
    config = AlignedConfig(trusted_at=0.0)
    once = losses(BATCH, config)
    items = torch.cat([BATCH.items, torch.tensor([[0], [1]])], 1)
    log_q = torch.tensor([[0.0, 0.0, torch.inf]] * 2)
    assert losses(replace(BATCH, items=items, log_q=log_q), config) == pytest.approx(once, rel=1e-6)
    nothing = losses(replace(BATCH, log_q=torch.tensor([[0.0, torch.inf]] * 2)), config)
    assert nothing["ranking"] == nothing["rating"] == 0
    assert np.isfinite(nothing["identification"])


def test_a_batch_without_negatives_is_told() -> None:
    points: Any = Batch(Query(torch.tensor([0, 1])), torch.tensor([1, 0]), labels=torch.ones(2))
    with pytest.raises(ConfigError, match="take loss=bpr"):
        losses(points, AlignedConfig())


def test_apart() -> None:
    positives, negatives = torch.tensor([[1.0, 2.0]]), torch.tensor([[2.0, 0.0], [0.0, 4.0]])
    assert apart(positives, negatives).tolist() == [5.0 - (2.0 + 8.0) / 2]
