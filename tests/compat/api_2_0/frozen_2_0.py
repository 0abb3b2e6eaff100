"""Frozen: one plugin of each kind for API 2.0. Never edited; see pyproject.toml beside it."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from torch import nn

from rexp.api import (
    Capability,
    ConfigError,
    DataCard,
    DotCoupling,
    Init,
    Layout,
    Negatives,
    RawData,
    RecommenderModule,
    Requirement,
    SparseMatrix,
    SplitRows,
    dot,
    embedding_table,
    interaction_matrix,
    reduce,
    tables,
)

API = (2, 0)


@dataclass(frozen=True)
class NoOptions:
    """None."""


@dataclass(frozen=True)
class FactorOptions:
    factors: int = 8


class FrozenMF(RecommenderModule):
    """A dot product of two tables, with a penalty."""

    Config = FactorOptions
    rexp_api = API

    def __init__(self, config, spec):
        super().__init__()
        self.users = embedding_table(spec.n_users, config.factors, Init())
        self.items = embedding_table(spec.n_items, config.factors, Init())

    def capabilities(self):
        return frozenset(
            {
                Capability.HAS_EMBEDDINGS,
                Capability.DOT_PRODUCT,
                Capability.SCORES_ALL_ITEMS,
                Capability.REGULARIZED,
            }
        )

    def score(self, query, items):
        return dot(self.users(query.users), self.items(items))

    def score_all(self, query):
        return self.user_embeddings(query) @ self.item_embeddings().T

    def user_embeddings(self, query):
        return self.users(query.users)

    def item_embeddings(self):
        return self.items.rows()

    def penalty(self, batch):
        return 1e-4 * self.users(batch.query.users).square().sum(1).mean()

    def coupled_parameters(self):
        return [DotCoupling("users", "items", (0, self.users.rows().shape[1]))]


class FrozenCounts(RecommenderModule):
    """How often an item was taken with those of the user's, in closed form."""

    Config = NoOptions
    rexp_api = API

    def __init__(self, config, spec):
        super().__init__()
        self.taken = SparseMatrix(spec.n_users, spec.n_items, persistent=False)
        self.register_buffer("together", torch.zeros(spec.n_items, spec.n_items))

    def capabilities(self):
        return frozenset({Capability.SCORES_ALL_ITEMS, Capability.CLOSED_FORM, Capability.NEEDS_TRAIN_DATA})

    def bind(self, split):
        self.taken.assign(interaction_matrix(split))

    def fit(self, split, generator):
        matrix = interaction_matrix(split)
        self.together.copy_(torch.from_numpy((matrix.T @ matrix).toarray()).float())

    def score(self, query, items):
        lists = items if items.ndim == 2 else items.unsqueeze(1)
        return self.score_all(query).gather(1, lists).view(items.shape)

    def score_all(self, query):
        taken = self.taken.scipy()[query.users.cpu().numpy()]
        return torch.from_numpy(taken @ self.together.cpu().numpy()).to(self.together.device)


@dataclass(frozen=True)
class HingeOptions:
    margin: float = 1.0
    reduction: str = "mean"


class FrozenHinge:
    """The hinge of a pair."""

    Config = HingeOptions
    rexp_api = API
    layout = Layout.PAIRWISE

    def __init__(self, config):
        self.config = config

    def __call__(self, scores, batch):
        losses = (self.config.margin - scores[:, 0] + scores[:, 1]).relu()
        return reduce(losses, "mean", None if batch.log_q is None else batch.log_q[:, 1])


@dataclass(frozen=True)
class UniformOptions:
    n: int = 1


class FrozenUniform:
    """Every item is as likely."""

    Config = UniformOptions
    rexp_api = API
    positives, scope = "interactions", "chunk"

    def __init__(self, config, split):
        self.n, self.n_items = config.n, split.n_items

    def sample(self, users, positives, generator):
        return Negatives(torch.randint(self.n_items, (len(users), self.n), generator=generator))


class FrozenBlocks:
    """Two tastes."""

    Config = NoOptions
    rexp_api = API
    card = DataCard("Two tastes", "none", "")
    protocol = "full"

    def __init__(self, config, root):
        pass

    def sources(self):
        return []

    def read(self):
        chance = np.random.default_rng(0)
        users = np.repeat(np.arange(40), 10)
        items = np.concatenate([chance.permutation(20)[:10] + 20 * (user % 2) for user in range(40)])
        times = np.tile(np.arange(10), 40)
        titles = pl.DataFrame({"item": range(40), "title": [f"item {item}" for item in range(40)]})
        return RawData(pl.DataFrame({"user": users, "item": items, "time": times}), items=titles)


class FrozenLast:
    """Every user's last interaction."""

    Config = NoOptions
    rexp_api = API
    chronological = True

    def __init__(self, config):
        pass

    def split(self, interactions):
        last = np.diff(interactions.users, append=-1) != 0
        valid = np.append(last[1:], False) & ~last
        return SplitRows(~last & ~valid, valid, last)


class FrozenFirst:
    """Whether the first item is relevant."""

    Config = NoOptions
    rexp_api = API
    kind, higher_is_better = "users", True

    def __init__(self, config, context):
        pass

    def per_user(self, lists, k):
        return lists.hits[:, 0].double()

    def expected(self, lists, ties, k):
        return ties.relevant[:, 0].double() / ties.size[:, 0]


class FrozenSeen:
    """How many items are recommended to anybody."""

    Config = NoOptions
    rexp_api = API
    kind, higher_is_better = "catalogue", True

    def __init__(self, config, context):
        self.catalogue = context.catalogue

    def value(self, counts):
        return float((counts[self.catalogue] > 0).sum())


class FrozenBrier:
    """The squared error of a probability."""

    Config = NoOptions
    rexp_api = API
    kind, higher_is_better, labels = "rows", False, "binary"

    def __init__(self, config, context):
        pass

    def value(self, rows):
        return float((rows.scores.double().sigmoid() - rows.labels.double()).square().mean())


class FrozenPull:
    """Scores of the teacher's lists, as they are."""

    Config = NoOptions
    rexp_api = API
    phase, needs, trainable_after, modules = "train", frozenset({Requirement.TEACHER}), True, {}

    def __init__(self, config):
        self.config = config

    def attach(self, model, context):
        if context.teacher is None:
            raise ConfigError("frozen_pull needs a teacher; choose one with model@teacher=NAME")
        return Pull(context.teacher)


class Pull(nn.Module):
    def __init__(self, teacher):
        super().__init__()
        self.lists, self.scores = teacher.top_items(5), teacher.top_scores(5)

    def loss(self, step):
        users = step.users.cpu()
        items = self.lists[users].long().clamp(min=0).to(step.users.device)
        wanted = self.scores[users].to(step.scores)
        off = (step.score(step.users, items) - wanted).where(wanted.isfinite(), 0.0)
        return {"pull": 0.01 * off.square().mean()}

    def after_step(self):
        pass

    def on_epoch(self, epoch):
        pass

    def finish(self):
        pass


@dataclass(frozen=True)
class RoundOptions:
    step: float = 0.125


class FrozenRound:
    """Weights on a grid."""

    Config = RoundOptions
    rexp_api = API
    phase, needs, trainable_after, modules = "post", frozenset({Requirement.TABLES}), True, {}

    def __init__(self, config):
        self.config = config

    def apply(self, model, context):
        for table in tables(model).values():
            table.assign((table.rows() / self.config.step).round() * self.config.step)


class FrozenExact:
    """Search through all vectors."""

    Config = NoOptions
    rexp_api = API

    def __init__(self, config):
        pass

    def build(self, vectors):
        self.vectors = vectors

    def search(self, queries, n):
        scores = queries @ self.vectors.T
        items = np.argsort(-scores, axis=1, kind="stable")[:, :n]
        return np.take_along_axis(scores, items, 1), items

    def save(self, path):
        with path.open("wb") as file:
            np.save(file, self.vectors)

    def load(self, path):
        self.vectors = np.load(path, allow_pickle=False)


class FrozenLines:
    """A line an epoch."""

    Config = NoOptions
    rexp_api = API

    def __init__(self, config, run):
        self.path = run.directory / "lines.txt"

    def log(self, values, epoch):
        with self.path.open("a") as file:
            print(epoch, sorted(values), file=file)

    def finish(self, summary, status):
        with self.path.open("a") as file:
            print(status, file=file)
