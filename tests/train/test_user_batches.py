"""Batches of whole users: every user once, positives one step ahead of the history, no padding among the items."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from rexp.api import Batch, Layout, Negatives
from rexp.errors import ConfigError, DataError
from rexp.samplers.in_batch import InBatch, InBatchConfig
from rexp.train.user_batches import UserBatches
from tests.train.tiny import Drawn, make_split

SPLIT = make_split()


class Fixed(Drawn):
    """Negatives are items no split has, so that they cannot be taken for positives."""

    def sample(self, users: torch.Tensor, positives: torch.Tensor, generator: torch.Generator) -> Negatives:
        log_q = torch.full((len(users), self.n), -2.0)
        return Negatives(1000 + positives[:, None].expand(-1, self.n), log_q)

    def log_q(self, items: torch.Tensor) -> torch.Tensor:
        return -items.float()


def epoch(batches: UserBatches, number: int = 1) -> list[Batch]:
    batches.epoch = number
    return [batch for chunk in batches for batch in chunk]


def make(layout: Layout = Layout.SEQUENCE, size: int = 7, **more: int) -> UserBatches:
    length = more.pop("history_length", 20)
    return UserBatches(SPLIT.train, SPLIT.n_users, layout, size, Fixed(60, n=2), 3, history_length=length, **more)


def test_every_position_is_followed_by_its_positive() -> None:
    batches = make()
    found = epoch(batches)
    assert sorted(torch.cat([batch.query.users for batch in found]).tolist()) == list(range(40))
    for batch in found:
        assert batch.query.history is not None
        for user, history, items in zip(batch.query.users, batch.query.history, batch.items, strict=True):
            own = SPLIT.train.items[SPLIT.train.users == int(user)].tolist()
            assert history.tolist() == own[:-1]
            assert items[:, 0].tolist() == own[1:]
            assert torch.equal(items[:, 1:], items[:, :1].expand(-1, 2) + 1000)
    assert batches.samples == 40 * 11 * 3
    assert batches.n_steps == len(found) == 6


def test_short_sequences_are_padded_in_front_and_long_ones_keep_their_end() -> None:
    keep = (SPLIT.train.users != 0) | (np.cumsum(SPLIT.train.users == 0) <= 3)
    train = SPLIT.train.take(keep)
    batches = UserBatches(train, SPLIT.n_users, Layout.SEQUENCE, 40, Fixed(60, n=1), 3, history_length=5)
    (batch,) = epoch(batches)
    assert batch.query.history is not None
    row = int((batch.query.users == 0).nonzero())
    own = train.items[train.users == 0].tolist()
    assert batch.query.history[row].tolist() == [-1, -1, -1, *own[:2]]
    assert batch.items[row, :, 0].tolist() == [-1, -1, -1, *own[1:]]
    assert (batch.items[row, :3] == -1).all()
    other = int((batch.query.users == 1).nonzero())
    own = train.items[train.users == 1].tolist()
    assert batch.query.history[other].tolist() == own[-6:-1]


def test_log_probabilities_stand_where_the_items_do() -> None:
    batch = epoch(make())[0]
    assert batch.log_q is not None
    assert torch.equal(batch.log_q[..., 0], -batch.items[..., 0].float())
    assert (batch.log_q[..., 1:] == -2).all()


def test_users_alone() -> None:
    found = epoch(make(Layout.USER))
    assert sorted(torch.cat([batch.query.users for batch in found]).tolist()) == list(range(40))
    assert all(batch.items.shape == (len(batch.query.users), 0) for batch in found)


def test_an_epoch_follows_from_seed_and_number_alone() -> None:
    once = make()
    epoch(once, 1)
    second = torch.cat([batch.query.users for batch in epoch(once, 2)])
    assert torch.equal(second, torch.cat([batch.query.users for batch in epoch(make(), 2)]))
    assert not torch.equal(second, torch.cat([batch.query.users for batch in epoch(once, 1)]))


def test_ranks_share_the_users() -> None:
    shards = [epoch(make(rank=rank, world=3)) for rank in range(3)]
    assert len({len(shard) for shard in shards}) == 1
    seen = [user for shard in shards for batch in shard for user in batch.query.users.tolist()]
    assert set(seen) == set(range(40))
    assert len(seen) == 42


def test_what_cannot_be_served_is_refused() -> None:
    with pytest.raises(ConfigError, match="history_length"):
        UserBatches(SPLIT.train, 40, Layout.SEQUENCE, 5, Fixed(60), 0)
    single = SPLIT.train.take(np.unique(SPLIT.train.users, return_index=True)[1])
    with pytest.raises(DataError, match="two training interactions"):
        UserBatches(replace(single), 40, Layout.SEQUENCE, 5, Fixed(60), 0, history_length=5)


def test_as_many_negatives_as_the_batch_has_are_refused() -> None:
    sampler = InBatch(InBatchConfig(), SPLIT)
    batches = UserBatches(SPLIT.train, SPLIT.n_users, Layout.SEQUENCE, 7, sampler, 3, history_length=20)
    with pytest.raises(ConfigError, match=r"its n is 1; set sampler\.n"):
        epoch(batches)
