"""A teacher and steps over real models, as small as the contracts allow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from rexp.api import Batch, Query, StageContext
from rexp.data.interactions import Interactions
from rexp.data.split import Split
from rexp.models.mf import MF, MFConfig

if TYPE_CHECKING:
    from rexp.data.types import Catalogue


def split_of(n_users: int = 24, n_items: int = 60, taken: int = 5, seed: int = 0) -> Split:
    """Every user takes ``taken`` random items."""
    random = np.random.default_rng(seed)
    users = np.repeat(np.arange(n_users, dtype=np.int32), taken)
    items = np.concatenate([np.sort(random.choice(n_items, taken, replace=False)) for _ in range(n_users)])
    train = Interactions(users, items.astype(np.int32))
    nothing = train.take(np.zeros(len(train), bool))
    return Split("planted", train, nothing, nothing, n_users, n_items, fingerprint="planted")


def mf(split: Split, factors: int, seed: int, scale: float = 1.0, **options: Any) -> MF:
    """A model whose vectors are drawn from N(0, scale^2)."""
    torch.manual_seed(seed)
    return MF(MFConfig(factors=factors, init_scale=scale, item_bias=False, **options), split.spec)


class Teacher:
    """A teacher that computes what it is asked for."""

    lists_only = False

    def __init__(self, model: MF, split: Split) -> None:
        self.model, self.split = model.requires_grad_(False).eval(), split

    def top_items(self, k: int, catalogue: Catalogue = "train") -> Tensor:
        scores = self.model.score_all(Query(torch.arange(self.split.n_users)))
        scores[:, ~self.split.in_catalogue(catalogue)] = -torch.inf
        scores[self.split.train.users, self.split.train.items] = -torch.inf
        best, items = scores.topk(min(k, self.split.n_items))
        table = torch.full((self.split.n_users, k), -1, dtype=torch.int32)
        table[:, : items.shape[1]] = items.int().masked_fill(best.isneginf(), -1)
        return table

    def top_scores(self, k: int, catalogue: Catalogue = "train") -> Tensor:
        items = self.top_items(k, catalogue)
        scores = self.model.score(Query(torch.arange(self.split.n_users)), items.long().clamp(min=0))
        return scores.masked_fill(items == -1, -torch.inf)

    def scores(self, users: Tensor, items: Tensor, features: Mapping[str, Tensor] | None = None) -> Tensor:
        return self.model.score(Query(users), items)

    def score_all(self, users: Tensor) -> Tensor:
        return self.model.score_all(Query(users))

    def user_embeddings(self, users: Tensor) -> Tensor:
        return self.model.user_embeddings(Query(users))

    def item_embeddings(self, items: Tensor) -> Tensor:
        return self.model.item_embeddings()[items]


class OneStep:
    """A step of a real model on a batch."""

    def __init__(self, model: Any, batch: Batch, sums: bool = True) -> None:
        self.model, self.batch, self.sums = model, batch, sums
        self.scores = model.score(batch.query, batch.items)
        self.users, self.items = batch.query.users.unique(), batch.items.unique()

    def user_embeddings(self, users: Tensor) -> Tensor:
        return self.model.user_embeddings(Query(users))

    def item_embeddings(self, items: Tensor) -> Tensor:
        return self.model.item_embeddings()[items]

    def score(self, users: Tensor, items: Tensor) -> Tensor:
        return self.model.score(Query(users), items)


def pairs(split: Split, n: int, generator: torch.Generator) -> Batch:
    """n training pairs, each with a random other item."""
    rows = torch.randint(len(split.train), (n,), generator=generator).numpy()
    users = torch.from_numpy(split.train.users[rows]).long()
    items = torch.from_numpy(split.train.items[rows]).long()
    others = torch.randint(split.n_items, (n,), generator=generator)
    return Batch(Query(users), torch.stack([items, others], 1))


def context_of(split: Split, teacher: Teacher, max_epochs: int = 10, seed: int = 0) -> StageContext:
    return StageContext(split, torch.Generator().manual_seed(seed), teacher, max_epochs)


def learn(attached: Any, model: MF, split: Split, epochs: int, lr: float = 0.05) -> list[float]:
    """Train a model by the stage's loss alone, two batches an epoch; the loss of each epoch."""
    generator = torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam([*model.parameters(), *attached.parameters()], lr)
    curve = []
    for epoch in range(1, epochs + 1):
        attached.on_epoch(epoch)
        total = 0.0
        for _ in range(2):
            values = attached.loss(OneStep(model, pairs(split, 4 * split.n_users, generator)))
            loss = torch.stack(list(values.values())).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            attached.after_step()
            total += loss.item()
        curve.append(total)
    attached.finish()
    return curve
