"""Uniform negatives: the distribution, rejection, determinism."""

from __future__ import annotations

from typing import Literal

import pytest
import torch

from rexp.errors import DataError
from rexp.samplers import _rejection
from rexp.samplers._known_positives import KnownPositives
from rexp.samplers.uniform import Uniform, UniformConfig

from .helpers import chi_square, generator, random_split, split_of

DRAWS = 60_000


def counts_of(sampler: Uniform, user: int, draws: int = DRAWS) -> torch.Tensor:
    users = torch.full((draws // sampler.n,), user)
    items = sampler.sample(users, torch.zeros_like(users), generator(1)).items
    assert items.shape == (draws // sampler.n, sampler.n)
    assert items.dtype == torch.int64
    return torch.bincount(items.flatten(), minlength=sampler.n_items).double()


def test_without_rejection_every_item_is_as_likely() -> None:
    split = random_split()
    counts = counts_of(Uniform(UniformConfig(n=3, reject=False), split), 0)
    # 39 degrees of freedom: the 99.99 % quantile is 80.
    assert chi_square(counts, torch.full((split.n_items,), DRAWS / split.n_items)) < 80


@pytest.mark.parametrize("rounds", [0, 1, 16])  # 0: the exact draw alone
@pytest.mark.parametrize("bitmap_bytes", [0, 2**20])
def test_with_rejection_every_other_item_is_as_likely(
    monkeypatch: pytest.MonkeyPatch, rounds: int, bitmap_bytes: int
) -> None:
    monkeypatch.setattr(_rejection, "ROUNDS", rounds)
    taken = [0, 3, 4, 5, 9]
    split = split_of([(1, item) for item in taken], 2, 10)
    sampler = Uniform(UniformConfig(catalogue="all"), split)
    sampler.known = KnownPositives(split, bitmap_bytes)
    expected = torch.full((10,), DRAWS / 5)
    expected[taken] = 0
    assert chi_square(counts_of(sampler, 1), expected) < 24  # 4 degrees of freedom, 99.99 %


def test_no_positive_is_ever_drawn() -> None:
    split = random_split()
    sampler = Uniform(UniformConfig(n=7), split)
    users = torch.from_numpy(split.train.users).long().repeat(20)
    drawn = sampler.sample(users, users, generator()).items
    positives = set(zip(split.train.users.tolist(), split.train.items.tolist(), strict=True))
    pairs = set(zip(users.repeat_interleave(7).tolist(), drawn.flatten().tolist(), strict=True))
    assert not pairs & positives
    assert len({item for user, item in pairs if user == 0}) == 2  # both of the two that are left to user 0


def test_table_and_search_draw_the_same() -> None:
    split = random_split()
    users = torch.from_numpy(split.train.users).long()
    table, search = Uniform(UniformConfig(), split), Uniform(UniformConfig(), split)
    search.known = KnownPositives(split, 0)
    one, other = table.sample(users, users, generator()), search.sample(users, users, generator())
    assert torch.equal(one.items, other.items)


def test_the_generator_decides() -> None:
    split = random_split()
    sampler = Uniform(UniformConfig(), split)
    users = torch.arange(50)
    first = sampler.sample(users, users, generator(1)).items
    assert torch.equal(first, sampler.sample(users, users, generator(1)).items)
    assert not torch.equal(first, sampler.sample(users, users, generator(2)).items)
    assert sampler.sample(users, users, generator(1)).log_q is None


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="n=0"):
        UniformConfig(n=0)
    with pytest.raises(DataError, match="user 0"):
        Uniform(UniformConfig(), split_of([(0, 0), (0, 1)], 1, 2))
    Uniform(UniformConfig(reject=False), split_of([(0, 0), (0, 1)], 1, 2))


@pytest.mark.parametrize("rounds", [0, 16])  # 0: the exact draw alone
@pytest.mark.parametrize(
    ("catalogue", "n_items", "drawn"), [("auto", 22, 22), ("auto", 25, 20), ("train", 22, 20), ("all", 25, 25)]
)
def test_items_without_training_rows_are_negatives_while_few_or_asked_for(
    monkeypatch: pytest.MonkeyPatch, rounds: int, catalogue: Literal["auto", "train", "all"], n_items: int, drawn: int
) -> None:
    monkeypatch.setattr(_rejection, "ROUNDS", rounds)
    split = split_of([(user, item) for user in range(4) for item in range(5 * user, 5 * user + 5)], 4, n_items)
    expected = torch.zeros(n_items)
    expected[5:drawn] = DRAWS / (drawn - 5)  # the first five are user 0's
    counts = counts_of(Uniform(UniformConfig(catalogue=catalogue), split), 0)
    assert chi_square(counts, expected) < 52  # at most 19 degrees of freedom, 99.99 %
