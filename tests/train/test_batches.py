"""The data path: every positive once, n negatives each, nothing depends on what came before."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from rexp.api import Batch, Layout, Negatives
from rexp.errors import ConfigError
from rexp.train.batches import Batches
from tests.train.tiny import Drawn, make_split

SPLIT = make_split()
PAIRS = Counter(zip(SPLIT.train.users.tolist(), SPLIT.train.items.tolist(), strict=True))


class Fixed(Drawn):
    """Negatives are items no split has, so that they cannot be taken for positives."""

    def sample(self, users: torch.Tensor, positives: torch.Tensor, generator: torch.Generator) -> Negatives:
        self.calls.append(len(users))
        return Negatives(1000 + positives[:, None].expand(-1, self.n), torch.full((len(users), self.n), -2.0))

    def log_q(self, items: torch.Tensor) -> torch.Tensor:
        return -items.float()


def epoch(batches: Batches, number: int = 1) -> list[Batch]:
    batches.epoch = number
    return [batch for chunk in batches for batch in chunk]


def make(layout: Layout, sampler: Drawn | None, size: int = 50, **more: int) -> Batches:
    return Batches(SPLIT.train, SPLIT.n_users, layout, size, sampler, 3, **more)


def joined(batches: list[Batch]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.cat([b.query.users for b in batches]), torch.cat([b.items for b in batches])


def test_points_hold_every_positive_once_and_n_negatives_of_it() -> None:
    found = epoch(make(Layout.POINTWISE, Fixed(60)))
    users, items = joined(found)
    labels = torch.cat([b.labels for b in found if b.labels is not None])
    positives = Counter(zip(users[labels == 1].tolist(), items[labels == 1].tolist(), strict=True))
    negatives = Counter(zip(users[labels == 0].tolist(), (items[labels == 0] - 1000).tolist(), strict=True))
    assert positives == PAIRS
    assert negatives == Counter({pair: 4 * count for pair, count in PAIRS.items()})


def test_points_are_mixed_over_the_whole_epoch() -> None:
    found = epoch(make(Layout.POINTWISE, Fixed(60), size=480))
    shares = [float(b.labels.mean()) for b in found if b.labels is not None]
    assert all(0.1 < share < 0.3 for share in shares)
    assert len(torch.unique(found[0].query.users)) > 35


def test_pairs_put_the_positive_first_and_know_both_probabilities() -> None:
    found = epoch(make(Layout.PAIRWISE, Fixed(60, n=2)))
    users, items = joined(found)
    assert (items[:, 1] == items[:, 0] + 1000).all()
    assert Counter(zip(users.tolist(), items[:, 0].tolist(), strict=True)) == Counter(dict.fromkeys(PAIRS, 2))
    assert torch.equal(torch.cat([b.log_q for b in found])[:, 0], -items[:, 0].float())  # type: ignore[misc]
    assert all((b.log_q[:, 1] == -2).all() for b in found if b.log_q is not None)


def test_rows_hold_a_positive_with_all_its_negatives() -> None:
    batches = make(Layout.LISTWISE, Fixed(60))
    found = epoch(batches)
    users, items = joined(found)
    assert items.shape == (480, 5)
    assert (items[:, 1:] == items[:, :1] + 1000).all()
    assert Counter(zip(users.tolist(), items[:, 0].tolist(), strict=True)) == PAIRS
    assert batches.samples == 480 * 5
    assert batches.n_steps == len(found) == 10


def test_an_epoch_follows_from_seed_and_number_alone() -> None:
    once = make(Layout.POINTWISE, Drawn(60))
    epoch(once, 1)
    second = joined(epoch(once, 2))
    alone = joined(epoch(make(Layout.POINTWISE, Drawn(60)), 2))
    assert torch.equal(second[0], alone[0])
    assert torch.equal(second[1], alone[1])
    assert not torch.equal(second[1], joined(epoch(once, 1))[1])


@pytest.mark.parametrize("world", [2, 7])
def test_ranks_share_an_epoch_in_equal_steps(world: int) -> None:
    shards = [epoch(make(Layout.LISTWISE, Fixed(60), rank=rank, world=world)) for rank in range(world)]
    assert len({len(shard) for shard in shards}) == 1
    seen = Counter(
        pair
        for shard in shards
        for b in shard
        for pair in zip(b.query.users.tolist(), b.items[:, 0].tolist(), strict=True)
    )
    assert set(seen) == set(PAIRS)
    assert sum(seen.values()) == -(-480 // world) * world


def test_negatives_are_drawn_for_many_batches_at_once_or_for_one() -> None:
    many, one = Drawn(60), Drawn(60, scope="batch")
    epoch(make(Layout.LISTWISE, many, size=10))
    epoch(make(Layout.LISTWISE, one, size=10))
    assert many.calls == [320, 160]
    assert one.calls == [10] * 48


def test_a_chunk_is_bounded_whatever_the_data() -> None:
    assert make(Layout.LISTWISE, Drawn(60, n=999), size=1000).chunk_steps == 1
    assert len(make(Layout.POINTWISE, Drawn(60), size=10)) == 8  # 240 steps, 32 a chunk


def test_users_are_drawn_uniformly_and_items_are_their_own() -> None:
    train = SPLIT.train.take(np.arange(len(SPLIT.train)) >= 11)  # user 0 keeps one item, the others twelve
    batches = Batches(train, SPLIT.n_users, Layout.LISTWISE, 100, Drawn(60, positives="users"), 0)
    found = [joined(epoch(batches, number)) for number in range(20)]
    users = torch.cat([u for u, _ in found])
    items = torch.cat([i for _, i in found])
    assert len(users) == 20 * len(train)
    assert set(zip(users.tolist(), items[:, 0].tolist(), strict=True)) == set(
        zip(train.users.tolist(), train.items.tolist(), strict=True)
    )
    # 9380 draws over 40 users: 234 each; five standard deviations are 76.
    assert all(158 < count < 311 for count in Counter(users.tolist()).values())


def test_without_a_sampler_labels_are_the_ratings() -> None:
    ratings = np.arange(len(SPLIT.train), dtype=np.float32)
    batches = Batches(replace(SPLIT.train, ratings=ratings), SPLIT.n_users, Layout.POINTWISE, 100, None, 0)
    for batch in epoch(batches):
        assert batch.labels is not None
        assert batch.rows is not None
        rows = batch.labels.long()
        assert torch.equal(batch.rows.long(), rows)
        assert torch.equal(batch.items, torch.from_numpy(SPLIT.train.items)[rows].long())


def test_read_only_arrays_are_used_as_they_are() -> None:
    train = replace(SPLIT.train, users=SPLIT.train.users.copy(), items=SPLIT.train.items.copy())
    train.users.flags.writeable = train.items.flags.writeable = False
    batches = Batches(train, SPLIT.n_users, Layout.POINTWISE, 100, Drawn(60), 0)
    assert batches.positives.items.data_ptr() == train.items.ctypes.data  # type: ignore[attr-defined]


@pytest.mark.parametrize("layout", [Layout.POINTWISE, Layout.PAIRWISE, Layout.LISTWISE])
@pytest.mark.parametrize("positives", ["interactions", "users"])
def test_histories_end_before_the_positive(layout: Layout, positives: str) -> None:
    sampler = Fixed(60, n=2, positives=positives)
    for batch in epoch(Batches(SPLIT.train, 40, layout, 50, sampler, 3, history_length=4)):
        assert batch.query.history is not None
        first = batch.items if batch.items.dim() == 1 else batch.items[:, 0]
        for user, history, item in zip(batch.query.users.tolist(), batch.query.history, first.tolist(), strict=True):
            own = SPLIT.train.items[SPLIT.train.users == user].tolist()
            before = own[: own.index(item % 1000)][-4:]
            assert history.tolist() == [-1] * (4 - len(before)) + before


def test_an_epoch_may_be_a_part_of_the_positives() -> None:
    batches = make(Layout.POINTWISE, Fixed(60), epoch_size=100)
    users, items = joined(epoch(batches))
    assert len(users) == batches.n_slots == batches.samples == 500
    assert not torch.equal(items, joined(epoch(batches, 2))[1])


def test_what_cannot_be_served_is_refused() -> None:
    with pytest.raises(ConfigError, match="layout=pairwise"):
        make(Layout.PAIRWISE, None)
    with pytest.raises(ConfigError, match="epoch_size"):
        make(Layout.POINTWISE, Drawn(60), epoch_size=481)
