"""The model against hand-made counts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rexp_recent_pop.model import SECONDS_A_DAY, RecentPopularity, RecentPopularityConfig

from rexp.api import DataError, Interactions, Query, Split


def split(days: list[int] | None) -> Split:
    """Items 0, 1, 1, 2 of two users, at these days; the test part holds what must not be seen."""
    times = None if days is None else np.array(days, np.int64) * SECONDS_A_DAY
    train = Interactions(np.array([0, 0, 1, 1], np.int32), np.array([0, 1, 1, 2], np.int32), times=times)
    late = Interactions(np.array([0], np.int32), np.array([2], np.int32), times=np.array([10**9], np.int64))
    return Split("tiny", train, late, late, n_users=2, n_items=4, fingerprint="f")


def fitted(half_life_days: float, data: Split) -> RecentPopularity:
    model = RecentPopularity(RecentPopularityConfig(half_life_days), data.spec)
    model.fit(data, torch.Generator())
    return model


def test_an_interaction_counts_half_for_every_half_life_before_the_latest_of_training() -> None:
    model = fitted(10, split([100, 90, 80, 100]))
    assert model.popularity.tolist() == [1.0, 0.75, 1.0, 0.0]
    query = Query(torch.tensor([0, 1]))
    assert model.score_all(query).tolist() == [[1.0, 0.75, 1.0, 0.0]] * 2
    assert model.score(query, torch.tensor([[1, 3], [0, 1]])).tolist() == [[0.75, 0.0], [1.0, 0.75]]


def test_an_endless_half_life_is_plain_popularity() -> None:
    assert fitted(float("inf"), split([100, 90, 80, 100])).popularity.tolist() == [1.0, 2.0, 1.0, 0.0]


def test_data_without_times_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"data=tiny has none; take model=pop"):
        fitted(10, split(None))


def test_a_half_life_must_be_positive() -> None:
    with pytest.raises(ValueError, match="half_life_days=0"):
        RecentPopularityConfig(0)
