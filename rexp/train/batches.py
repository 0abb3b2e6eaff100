"""From interactions to whole batches of tensors: an index is shuffled, negatives are drawn for many batches at once.

An epoch is a shuffled list of *slots*. With N positives and n negatives of each there are, by layout,

    pointwise   N * (1 + n) slots: slot s is the positive s where s < N, else one negative of the positive s mod N
    pairwise    N * n slots: the positive s mod N with one negative
    listwise    N slots: the positive s with all its negatives

so every positive comes once and has exactly n negatives, positives and negatives are mixed over the whole epoch, and
nothing but the index (4 bytes a slot) is ever as large as the epoch. Layouts whose slots are users are in
``rexp/train/user_batches.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rexp.api import Batch, Layout, Query, Sampler
from rexp.errors import ConfigError
from rexp.nn.sliding import with_first
from rexp.train.history import Histories
from rexp.train.negatives import first, log_q_of, single_negative
from rexp.train.positives import InteractionPositives, Positives, UserUniformPositives, as_tensor
from rexp.train.rng import generator

if TYPE_CHECKING:
    from rexp.data.interactions import Interactions
    from rexp.data.types import Array

# Steps that one pass through Lightning's loop does: its overhead is paid once for all of them. The bound on the items
# of a chunk keeps its memory fixed. Both shape the stream of random numbers, so they are no options.
CHUNK_STEPS = 32
CHUNK_ITEMS = 2**17

Chunk = Iterable[Batch]


class Batches:
    """The batches of an epoch, several at a time; every iteration is the epoch that ``epoch`` says.

    It is given to Lightning as it is: a ``DataLoader`` around it would only draw from the global random numbers.

    Args:
        interactions: what is learned from.
        n_users: size of the vocabulary.
        layout: the batches' layout, as the loss wants it.
        batch_size: users of a batch (B of :class:`rexp.api.Batch`).
        sampler: draws the negatives; None for none, which only the layout ``pointwise`` allows; labels are then the
            ratings where the data has them.
        seed: of the run.
        rank, world: this process and how many there are; each takes every ``world``-th slot.
        epoch_size: positives of an epoch; None takes every interaction.
        rows: (M,) int64, the interactions of an epoch, some of them repeated; None is each once.
        history_length: give queries the latest items before the positive, at most so many; None gives no history.

    Raises:
        ConfigError: a layout that needs a sampler, or an epoch larger than the data.
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
        epoch_size: int | None = None,
        rows: Array | None = None,
        history_length: int | None = None,
    ) -> None:
        self.n_negatives = sampler.n if sampler is not None else 0
        self.layout, self.batch_size, self.seed = layout, batch_size, seed
        # Where the negatives of a positive lie in different slots, each slot draws its own.
        self.sampler = single_negative(sampler) if sampler is not None and layout is not Layout.LISTWISE else sampler
        self.rank, self.world = rank, world
        self.epoch = 0
        _check(layout, self.n_negatives)
        self.n_positives = len(interactions) if rows is None else len(rows)
        if epoch_size is not None and epoch_size > self.n_positives:
            raise ConfigError(
                f"train.epoch_size={epoch_size} is more than the {self.n_positives} training interactions; "
                "leave it out, or take more epochs"
            )
        self.epoch_size = epoch_size or self.n_positives
        self.histories = None if history_length is None else Histories(interactions, n_users, history_length)
        users_first = sampler is not None and sampler.positives == "users"
        self.positives: Positives = (
            UserUniformPositives(interactions, n_users) if users_first else InteractionPositives(interactions, rows)
        )
        self.ratings = None if users_first or interactions.ratings is None else as_tensor(interactions.ratings)
        self.context = {name: as_tensor(values) for name, values in interactions.context.items()}
        self.weights = None if interactions.weights is None else as_tensor(interactions.weights)
        width = self._width + (history_length or 0)
        self.chunk_steps = min(CHUNK_STEPS, max(1, CHUNK_ITEMS // (batch_size * width)))

    @property
    def _width(self) -> int:
        """Items of one slot."""
        return {Layout.POINTWISE: 1, Layout.PAIRWISE: 2}.get(self.layout, 1 + self.n_negatives)

    @property
    def n_slots(self) -> int:
        """Slots of an epoch, over all ranks."""
        return self.epoch_size * self._copies

    @property
    def _copies(self) -> int:
        """Slots of one positive."""
        return {Layout.POINTWISE: 1 + self.n_negatives, Layout.PAIRWISE: self.n_negatives}.get(self.layout, 1)

    @property
    def samples(self) -> int:
        """Scored items of an epoch over all ranks: what samples per second count."""
        return self.n_slots * self._width

    @property
    def n_steps(self) -> int:
        """Batches of an epoch, of one rank."""
        return -(-self._rank_slots // self.batch_size)

    @property
    def _rank_slots(self) -> int:
        return -(-self.n_slots // self.world)

    def __len__(self) -> int:
        return -(-self.n_steps // self.chunk_steps)

    def __iter__(self) -> Iterator[Chunk]:
        order = self._order()
        draws = generator(self.seed, self.epoch, 1, self.rank)
        whole = self.sampler is None or self.sampler.scope == "chunk"
        for slots in torch.split(order, self.batch_size * self.chunk_steps):
            if whole:
                yield _cut(self._batch(slots, draws), self.batch_size)
            else:
                # One after another, when they are asked for: in-batch negatives are B x B items.
                yield (self._batch(part, draws) for part in torch.split(slots, self.batch_size))

    def _order(self) -> Tensor:
        """This rank's slots of the epoch, shuffled; every rank shuffles alike, then takes its share.

        The last share is filled up from the front, so that all ranks do equally many steps.
        """
        places = self.n_positives * self._copies
        dtype = torch.int32 if places < 2**31 else torch.int64
        order = torch.randperm(places, generator=generator(self.seed, self.epoch, 0), dtype=dtype)[: self.n_slots]
        if self.world == 1:
            return order
        missing = self._rank_slots * self.world - self.n_slots
        return torch.cat([order, order[:missing]])[self.rank :: self.world].contiguous()

    def _batch(self, slots: Tensor, draws: torch.Generator) -> Batch:
        rows = slots % self.n_positives if self._copies > 1 else slots
        users, items, rows = self.positives.at(rows, draws)
        # A negative has the context, and the weight, of its positive.
        features = {name: values.index_select(0, rows) for name, values in self.context.items()}
        weights = None if self.weights is None else self.weights.index_select(0, rows)
        query = Query(users, None if self.histories is None else self.histories.before(users, rows), features)
        if self.layout is Layout.POINTWISE:
            return replace(self._points(slots, rows, query, items, draws), weights=weights)
        assert self.sampler is not None
        drawn = self.sampler.sample(users, items, draws)
        drawn = first(drawn) if self.layout is Layout.PAIRWISE else drawn
        log_q = None if drawn.log_q is None else torch.cat([log_q_of(self.sampler, items), drawn.log_q], dim=1)
        return Batch(query, with_first(items, drawn.items), None, log_q, weights)

    def _points(self, slots: Tensor, rows: Tensor, query: Query, items: Tensor, draws: torch.Generator) -> Batch:
        if self.sampler is None or not self.n_negatives:
            labels = torch.ones(len(slots)) if self.ratings is None else self.ratings.index_select(0, rows)
            return Batch(query, items, labels, rows=rows)
        users = query.users
        negative = slots >= self.n_positives
        places = negative.nonzero().squeeze(1)
        drawn = first(self.sampler.sample(users.index_select(0, places), items.index_select(0, places), draws))
        # The positives' tensor was made for this batch, so it may be written to.
        items.index_copy_(0, places, drawn.items.squeeze(1))
        log_q = None
        if drawn.log_q is not None:
            log_q = torch.zeros(len(slots)).index_copy_(0, places, drawn.log_q.squeeze(1).float())
        return Batch(query, items, (~negative).float(), log_q)


def _cut(chunk: Batch, size: int) -> Chunk:
    """Consecutive batches of ``size``: views, nothing is copied."""
    users, items = torch.split(chunk.query.users, size), torch.split(chunk.items, size)

    def split(values: Tensor | None) -> Sequence[Tensor | None]:
        return [None] * len(users) if values is None else torch.split(values, size)

    features: Sequence[Mapping[str, Tensor]] = [{}] * len(users)
    if chunk.query.features:
        columns = [torch.split(values, size) for values in chunk.query.features.values()]
        features = [dict(zip(chunk.query.features, values, strict=True)) for values in zip(*columns, strict=True)]
    rest = (split(chunk.labels), split(chunk.log_q), split(chunk.weights), split(chunk.rows))
    parts = zip(users, split(chunk.query.history), features, items, *rest, strict=True)
    return tuple(Batch(Query(u, h, f), *others) for u, h, f, *others in parts)


def _check(layout: Layout, n_negatives: int) -> None:
    if layout is not Layout.POINTWISE and not n_negatives:
        raise ConfigError(f"the loss wants negatives (layout={layout}), but no sampler draws any; take sampler=uniform")
