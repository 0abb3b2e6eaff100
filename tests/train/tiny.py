"""Small real parts for the tests of training: a split, a model, losses, a sampler."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Generator, Tensor, nn

from rexp.api import Batch, Capability, Layout, Negatives, Query
from rexp.data.interactions import Interactions
from rexp.data.split import Split


def make_split(n_users: int = 40, n_items: int = 60, per_user: int = 12, seed: int = 0) -> Split:
    """Users with distinct random items."""
    random = np.random.default_rng(seed)
    items = np.concatenate([np.sort(random.choice(n_items, per_user, replace=False)) for _ in range(n_users)])
    users = np.repeat(np.arange(n_users), per_user)
    train = Interactions(users.astype(np.int32), items.astype(np.int32))
    empty = train.take(np.zeros(len(train), bool))
    name = hashlib.sha256(f"{n_users} {n_items} {per_user} {seed}".encode()).hexdigest()
    return Split("tiny", train, empty, empty, n_users, n_items, name)


class Dot(nn.Module):
    """Dot product of embeddings, with dropout, so that randomness inside the model is tested too."""

    def __init__(self, split: Split, dropout: float = 0.2, abilities: frozenset[Capability] = frozenset()) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.users = nn.Parameter(torch.randn(split.n_users, 8, generator=generator))
        self.items = nn.Parameter(torch.randn(split.n_items, 8, generator=generator))
        self.dropout = nn.Dropout(dropout)
        self.abilities = abilities

    def capabilities(self) -> frozenset[Capability]:
        return self.abilities

    def score(self, query: Query, items: Tensor) -> Tensor:
        users = self.dropout(self.users[query.users])
        rows = self.items[items]
        return (users * rows).sum(-1) if items.ndim == 1 else torch.einsum("bd,bkd->bk", users, rows)

    def training_loss(self, batch: Batch) -> Tensor:
        return self.score(batch.query, batch.items).square().mean()

    def penalty(self, batch: Batch) -> Tensor:
        return 0.1 * self.users[batch.query.users].square().mean()


class Logistic:
    """Binary cross-entropy on samples."""

    layout = Layout.POINTWISE

    def __call__(self, scores: Tensor, batch: Batch) -> Tensor:
        return nn.functional.binary_cross_entropy_with_logits(scores, batch.labels)


class Ranking:
    """Bayesian personalized ranking on pairs."""

    layout = Layout.PAIRWISE

    def __call__(self, scores: Tensor, batch: Batch) -> Tensor:
        return nn.functional.softplus(scores[:, 1] - scores[:, 0]).mean()


class Drawn:
    """Uniform negatives; remembers how it was called."""

    def __init__(self, n_items: int, n: int = 4, positives: str = "interactions", scope: str = "chunk") -> None:
        self.n_items, self.n, self.positives, self.scope = n_items, n, positives, scope
        self.calls: list[int] = []

    def sample(self, users: Tensor, positives: Tensor, generator: Generator) -> Negatives:
        self.calls.append(len(users))
        return Negatives(torch.randint(self.n_items, (len(users), self.n), generator=generator))
