"""Contexts and weights of rows in batches: a negative has those of its positive, in every layout."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from rexp.api import Batch, Layout, Negatives, Query
from rexp.train.batches import Batches
from rexp.train.lightning_module import _step_loss, _to
from rexp.train.user_batches import UserBatches
from tests.train.tiny import Dot, Drawn, make_split

SPLIT = make_split()
N = len(SPLIT.train)
CATEGORY = (7 * SPLIT.train.users.astype(np.int64) + SPLIT.train.items) % 5 + 1
TRAIN = replace(
    SPLIT.train,
    context={
        "context.hour": CATEGORY,
        "context.tags": np.stack([CATEGORY, CATEGORY - 1], 1),
        "context.wind": (CATEGORY / 2).astype(np.float32),
    },
    weights=(CATEGORY * 10).astype(np.float32),
)


class Fixed(Drawn):
    """Negatives tell their positive: 1000 more."""

    def sample(self, users: Tensor, positives: Tensor, generator: torch.Generator) -> Negatives:
        return Negatives(1000 + positives[:, None].expand(-1, self.n))


def epoch(batches: Batches | UserBatches) -> list[Batch]:
    batches.epoch = 1
    return [batch for chunk in batches for batch in chunk]


def check(batch: Batch, users: Tensor, positives: Tensor) -> None:
    """Every row has the context and the weight of its positive."""
    wanted = (7 * users + positives % 1000) % 5 + 1
    assert torch.equal(batch.query.features["context.hour"], wanted)
    assert torch.equal(batch.query.features["context.tags"], torch.stack([wanted, wanted - 1], -1))
    assert torch.equal(batch.query.features["context.wind"], wanted / 2)
    assert batch.weights is not None
    assert torch.equal(batch.weights, (wanted * 10).float())


@pytest.mark.parametrize("layout", [Layout.POINTWISE, Layout.PAIRWISE, Layout.LISTWISE])
@pytest.mark.parametrize("positives", ["interactions", "users"])
@pytest.mark.parametrize("scope", ["chunk", "batch"])
def test_a_negative_has_the_context_and_weight_of_its_positive(layout: Layout, positives: str, scope: str) -> None:
    seen = 0
    for batch in epoch(Batches(TRAIN, 40, layout, 50, Fixed(60, n=2, positives=positives, scope=scope), 3)):
        assert len(batch.query.users) <= 50
        check(batch, batch.query.users, batch.items if batch.items.dim() == 1 else batch.items[:, 0])
        seen += len(batch.query.users)
    assert seen == N * {Layout.POINTWISE: 3, Layout.PAIRWISE: 2}.get(layout, 1)


@pytest.mark.parametrize("world", [2, 3])
def test_every_rank_has_the_contexts_of_its_rows(world: int) -> None:
    for rank in range(world):
        for batch in epoch(Batches(TRAIN, 40, Layout.LISTWISE, 50, Fixed(60), 3, rank, world)):
            check(batch, batch.query.users, batch.items[:, 0])


def test_positions_of_a_sequence_have_those_of_their_targets() -> None:
    keep = (TRAIN.users != 0) | (np.cumsum(TRAIN.users == 0) <= 3)
    for batch in epoch(UserBatches(TRAIN.take(keep), 40, Layout.SEQUENCE, 8, Fixed(60, n=1), 3, history_length=5)):
        places = batch.items[..., 0] >= 0
        users = batch.query.users.unsqueeze(1).expand(places.shape)
        features = {name: values[places] for name, values in batch.query.features.items()}
        assert batch.weights is not None
        rows = replace(batch, query=Query(users[places], None, features), weights=batch.weights[places])
        check(rows, users[places], batch.items[..., 0][places])
        assert not batch.query.features["context.hour"][~places].any()
        assert not batch.weights[~places].any()


def test_users_alone_have_no_context() -> None:
    (batch,) = epoch(UserBatches(TRAIN, 40, Layout.USER, 64, None, 3))
    assert batch.query.features == {}
    assert batch.weights is None


def test_a_move_to_a_device_takes_everything_along() -> None:
    batch = epoch(Batches(TRAIN, 40, Layout.POINTWISE, 50, Fixed(60), 3))[0]
    moved = _to(batch, torch.device("meta"))
    tensors = [moved.query.users, moved.items, moved.labels, moved.weights, *moved.query.features.values()]
    assert {tensor.device.type for tensor in tensors if tensor is not None} == {"meta"}
    assert moved.query.features.keys() == batch.query.features.keys()


def test_losses_of_sequences_get_rows_with_contexts_and_weights() -> None:
    class Sequences(Dot):
        def score_sequence(self, query: Query, items: Tensor) -> Tensor:
            return items.float()

    class Seen:
        layout = Layout.LISTWISE

        def __call__(self, scores: Tensor, batch: Batch) -> Tensor:
            check(batch, batch.query.users, batch.items[:, 0])
            return scores.sum()

    from rexp.api import Capability

    model = Sequences(SPLIT, abilities=frozenset({Capability.SCORES_SEQUENCES}))
    for batch in epoch(UserBatches(TRAIN, 40, Layout.SEQUENCE, 8, Fixed(60, n=1), 3, history_length=5)):
        _step_loss(model, Seen())(batch)


def test_the_latest_context_is_that_of_the_last_row() -> None:
    some = TRAIN.take(TRAIN.users != 3)
    latest = some.latest_context(40)
    for user in range(40):
        own = CATEGORY[TRAIN.users == user]
        assert latest["context.hour"][user] == (0 if user == 3 else own[-1])
    assert latest["context.tags"].shape == (40, 2)
    assert latest["context.tags"][3].tolist() == [0, 0]
