"""Negatives by popularity: the exponent, rejection, the log-probabilities."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch

from rexp.errors import DataError
from rexp.samplers import _rejection
from rexp.samplers.popularity import Popularity, PopularityConfig

from .helpers import chi_square, generator, split_of

if TYPE_CHECKING:
    from rexp.data.split import Split

COUNTS = [8, 4, 2, 1, 0]
DRAWS = 60_000


def planted() -> Split:
    """Item i has COUNTS[i] users, nobody all items; user 3 took items 0 and 1, user 8 item 3."""
    users = [range(8), range(4), range(4, 6), range(8, 9), range(0)]
    return split_of([(user, item) for item, those in enumerate(users) for user in those], 9, len(COUNTS))


def drawn(config: PopularityConfig, user: int) -> torch.Tensor:
    users = torch.full((DRAWS // config.n,), user)
    items = Popularity(config, planted()).sample(users, users, generator()).items
    return torch.bincount(items.flatten(), minlength=len(COUNTS)).double()


@pytest.mark.parametrize("exponent", [0.0, 0.75, 1.0])
def test_an_item_is_drawn_by_the_power_of_its_count(exponent: float) -> None:
    weights = torch.tensor([count**exponent if count else 0.0 for count in COUNTS], dtype=torch.float64)
    expected = DRAWS * weights / weights.sum()
    assert chi_square(drawn(PopularityConfig(exponent=exponent, reject=False), 8), expected) < 21  # 3 df, 99.99 %


@pytest.mark.parametrize("rounds", [0, 16])
def test_rejection_keeps_the_proportions_of_the_others(monkeypatch: pytest.MonkeyPatch, rounds: int) -> None:
    monkeypatch.setattr(_rejection, "ROUNDS", rounds)
    weights = torch.tensor([0, 0, 2.0, 1.0, 0], dtype=torch.float64)  # user 3 took items 0 and 1
    assert chi_square(drawn(PopularityConfig(exponent=1), 3), DRAWS * weights / 3) < 15.2  # 1 df, 99.99 %


def test_log_q_is_the_log_probability() -> None:
    sampler = Popularity(PopularityConfig(exponent=1, reject=False), planted())
    users = torch.zeros(6, dtype=torch.int64)
    negatives = sampler.sample(users, users, generator())
    assert negatives.log_q is not None
    expected = [[math.log(COUNTS[item] / 15) for item in row] for row in negatives.items.tolist()]
    assert torch.allclose(negatives.log_q, torch.tensor(expected))
    assert torch.equal(sampler.log_q(negatives.items), negatives.log_q)
    assert sampler.log_q(torch.tensor([4])).item() == -math.inf
    uncorrected = Popularity(PopularityConfig(correct=False), planted())
    assert uncorrected.sample(users + 8, users, generator()).log_q is None


def test_a_user_who_took_every_popular_item_is_refused() -> None:
    full = split_of([(0, 0), (0, 1), (1, 0)], 2, 5)  # items 2 to 4 are never drawn
    with pytest.raises(DataError, match="user 0"):
        Popularity(PopularityConfig(), full)
    with pytest.raises(DataError, match="no training interaction"):
        Popularity(PopularityConfig(), split_of([], 2, 5))


def test_the_generator_decides() -> None:
    sampler = Popularity(PopularityConfig(reject=False), planted())
    users = torch.zeros(50, dtype=torch.int64)
    first = sampler.sample(users, users, generator(1)).items
    assert torch.equal(first, sampler.sample(users, users, generator(1)).items)
    assert not torch.equal(first, sampler.sample(users, users, generator(2)).items)
