"""Batches whose slots are users, each once an epoch: whole sequences, or users alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rexp.api import Batch, Layout, Query, Sampler
from rexp.errors import ConfigError, DataError
from rexp.train.history import Histories
from rexp.train.negatives import log_q_of
from rexp.train.positives import as_tensor
from rexp.train.rng import generator

if TYPE_CHECKING:
    from rexp.data.interactions import Interactions
    from rexp.train.batches import Chunk

CHUNK_STEPS = 8
"""Steps that one pass through Lightning's loop does; such steps are long, so that its overhead matters little."""


class UserBatches:
    """The batches of an epoch; every iteration is the epoch that ``epoch`` says.

    In the layout ``sequence`` a user's training items but the last are the history, and at each of its positions the
    item that follows is the positive, whose context and weight stand at that position; in the layout ``users`` a batch
    is B distinct users.

    Args:
        interactions: what is learned from.
        n_users: size of the vocabulary.
        layout: ``sequence`` or ``users``.
        batch_size: users of a batch.
        sampler: draws the negatives of every position; None for none.
        seed: of the run.
        rank, world: this process and how many there are; each takes every ``world``-th user.
        history_length: positions of a sequence at most, the latest ones.

    Raises:
        ConfigError: sequences without a length.
        DataError: no user has two training interactions.
    """

    def __init__(
        self,
        interactions: Interactions,
        n_users: int,
        layout: Layout,
        batch_size: int,
        sampler: Sampler | None,
        seed: int,
        rank: int = 0,
        world: int = 1,
        *,
        history_length: int | None = None,
    ) -> None:
        self.layout, self.batch_size, self.sampler, self.seed = layout, batch_size, sampler, seed
        self.rank, self.world = rank, world
        self.epoch = 0
        self.ends = torch.from_numpy(interactions.offsets(n_users))[1:]
        counts = torch.from_numpy(interactions.offsets(n_users)).diff()
        least = 2 if layout is Layout.SEQUENCE else 1
        self.users = (counts >= least).nonzero().squeeze(1)
        if not len(self.users):
            raise DataError("no user has two training interactions, so there is no sequence to learn from")
        self.context = {name: as_tensor(values) for name, values in interactions.context.items()}
        self.weights = None if interactions.weights is None else as_tensor(interactions.weights)
        self.histories: Histories | None = None
        self.samples = len(self.users)
        if layout is Layout.SEQUENCE:
            if history_length is None:
                raise ConfigError("a model that is trained on sequences must bound them; set model.history_length")
            self.histories = Histories(interactions, n_users, history_length)
            positions = int((counts[self.users] - 1).clamp(max=history_length).sum())
            self.samples = positions * (1 + (sampler.n if sampler else 0))

    @property
    def n_steps(self) -> int:
        """Batches of an epoch, of one rank."""
        return -(-self._rank_users // self.batch_size)

    @property
    def _rank_users(self) -> int:
        return -(-len(self.users) // self.world)

    def __len__(self) -> int:
        return -(-self.n_steps // CHUNK_STEPS)

    def __iter__(self) -> Iterator[Chunk]:
        users = self._order()
        draws = generator(self.seed, self.epoch, 1, self.rank)
        for chunk in torch.split(users, self.batch_size * CHUNK_STEPS):
            yield (self._batch(part, draws) for part in torch.split(chunk, self.batch_size))

    def _order(self) -> Tensor:
        """This rank's users of the epoch, shuffled; the last share is filled up from the front."""
        order = self.users[torch.randperm(len(self.users), generator=generator(self.seed, self.epoch, 0))]
        missing = self._rank_users * self.world - len(order)
        return torch.cat([order, order[:missing]])[self.rank :: self.world]

    def _batch(self, users: Tensor, draws: torch.Generator) -> Batch:
        if self.histories is None:
            return Batch(Query(users), torch.empty(len(users), 0, dtype=torch.int64))
        last = self.ends[users] - 1
        history = self.histories.before(users, last)
        positives = torch.cat([history[:, 1:], self.histories.items[last].long().unsqueeze(1)], 1)
        positives.masked_fill_(history < 0, -1)
        # Columns that are padding for every user of the batch cost time and hold nothing.
        used = int((history >= 0).sum(1).max())
        history, positives = history[:, -used:], positives[:, -used:]
        beside = {name: self.histories.of_targets(values, users, last) for name, values in self.context.items()}
        query = Query(users, history, {name: values[:, -used:] for name, values in beside.items()})
        weights = None
        if self.weights is not None:
            weights = self.histories.of_targets(self.weights, users, last)[:, -used:]
        if self.sampler is None:
            return Batch(query, positives.unsqueeze(-1), weights=weights)
        places = positives >= 0
        rows = places.nonzero()[:, 0]
        drawn = self.sampler.sample(users[rows], positives[places], draws)
        if drawn.items.shape[1] != self.sampler.n:
            raise ConfigError(
                f"the sampler draws {drawn.items.shape[1]} negatives of each position of a sequence, and its n is "
                f"{self.sampler.n}; set sampler.n"
            )
        items = positives.new_full((*positives.shape, 1 + self.sampler.n), -1)
        items[places] = torch.cat([positives[places].unsqueeze(1), drawn.items], 1)
        if drawn.log_q is None:
            return Batch(query, items, weights=weights)
        log_q = torch.zeros(items.shape)
        log_q[places] = torch.cat([log_q_of(self.sampler, positives[places]), drawn.log_q.float()], 1)
        return Batch(query, items, None, log_q, weights)
