"""Random scores: uniform, independent, the same wherever they are asked for."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rexp.api import Query
from rexp.models.random import Random, RandomConfig

from .helpers import check_capabilities, two_tastes

SPLIT = two_tastes(n_users=300, n_items=401)


def random(seed: int) -> Random:
    model = Random(RandomConfig(), SPLIT.spec)
    model.fit(SPLIT, torch.Generator().manual_seed(seed))
    return model


def scores(model: Random) -> Tensor:
    return model.score_all(Query(torch.arange(SPLIT.n_users)))


def test_every_way_to_score_agrees() -> None:
    check_capabilities(random(0), SPLIT.spec)


def test_scores_are_uniform_on_the_unit_interval() -> None:
    values = scores(random(0))
    assert values.min() >= 0
    assert values.max() < 1
    counts = torch.histc(values, 20, 0, 1)
    expected = values.numel() / 20
    assert ((counts - expected) ** 2 / expected).sum() < 58  # 19 degrees of freedom, 99.999 %
    assert values.flatten().unique().numel() > 0.99 * values.numel()


@pytest.mark.parametrize("other", ["user", "item", "seed"])
def test_neighbors_are_independent(other: str) -> None:
    values = scores(random(0))
    pairs = {
        "user": (values[:-1], values[1:]),
        "item": (values[:, :-1], values[:, 1:]),
        "seed": (values, scores(random(1))),
    }[other]
    correlation = torch.corrcoef(torch.stack([part.flatten() for part in pairs]))[0, 1]
    assert abs(correlation.item()) < 0.015  # 5 standard deviations


def test_the_seed_decides_and_the_state_keeps_it() -> None:
    assert torch.equal(scores(random(3)), scores(random(3)))
    copy = Random(RandomConfig(), SPLIT.spec)
    copy.load_state_dict(random(3).state_dict())
    assert torch.equal(scores(copy), scores(random(3)))
