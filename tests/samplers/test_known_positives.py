"""Membership: the table and the search agree with the set of pairs."""

from __future__ import annotations

import pytest
import torch

from rexp.errors import DataError
from rexp.samplers._known_positives import KnownPositives

from .helpers import random_split, split_of


@pytest.mark.parametrize("bitmap_bytes", [0, 2**20])
def test_contains_is_membership(bitmap_bytes: int) -> None:
    split = random_split()
    known = KnownPositives(split, bitmap_bytes)
    assert (known.table is None) == (bitmap_bytes == 0)
    pairs = set(zip(split.train.users.tolist(), split.train.items.tolist(), strict=True))
    every = torch.cartesian_prod(torch.arange(split.n_users), torch.arange(split.n_items))
    found = known.contains(every[:, 0], every[:, 1])
    assert found.tolist() == [(int(u), int(i)) in pairs for u, i in every]


@pytest.mark.parametrize("bitmap_bytes", [0, 2**20])
def test_shapes_broadcast(bitmap_bytes: int) -> None:
    known = KnownPositives(split_of([(0, 1), (1, 2)], 2, 3), bitmap_bytes)
    found = known.contains(torch.tensor([[0], [1]]), torch.tensor([[1, 2], [1, 2]]))
    assert found.tolist() == [[True, False], [False, True]]


@pytest.mark.parametrize("bitmap_bytes", [0, 2**20])
def test_no_training_part(bitmap_bytes: int) -> None:
    known = KnownPositives(split_of([], 2, 3), bitmap_bytes)
    assert not known.contains(torch.tensor([0, 1]), torch.tensor([0, 2])).any()


def test_a_user_without_a_negative_is_named() -> None:
    known = KnownPositives(split_of([(0, 0), (1, 0), (1, 1), (1, 2)], 3, 3))
    with pytest.raises(DataError, match=r"for 1 users \(the first: user 1\).*sampler\.reject=false"):
        known.refuse_full_users(torch.ones(3, dtype=torch.bool), "uniform")
    # With two of the three items drawable, user 1 still has none; with item 0 alone, user 0 has none either.
    with pytest.raises(DataError, match="for 2 users"):
        known.refuse_full_users(torch.tensor([True, False, False]), "uniform")
