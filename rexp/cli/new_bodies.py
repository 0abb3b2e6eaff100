"""What a new plugin of each kind begins with: the smallest that keeps its contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Body:
    """The parts of a module that a kind decides; ``$cls`` stands for the class.

    Args:
        imports: of the module, sorted; those behind a blank line are third parties'.
        option: a field of the ``Config`` with its default, and what it means.
        bases: of the class, in parentheses; may be empty.
        code: members of the class, indented.
    """

    imports: str
    option: tuple[str, str]
    code: str
    bases: str = ""


BODIES: Mapping[str, Body] = {
    "model": Body(
        """from dataclasses import dataclass
from typing import ClassVar

from rexp.api import Capability, DataSpec, Init, Query, RecommenderModule, embedding_table
from torch import Tensor""",
        ("factors: int = 32", "size of the vectors."),
        '''    def __init__(self, config: $clsConfig, spec: DataSpec) -> None:
        super().__init__()
        self.users = embedding_table(spec.n_users, config.factors, Init())
        self.items = embedding_table(spec.n_items, config.factors, Init())

    def capabilities(self) -> frozenset[Capability]:
        """A dot product of two tables."""
        return frozenset({Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT, Capability.SCORES_ALL_ITEMS})

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Scores of ``items`` (B,) or (B, K), in their shape."""
        lists = items if items.ndim == 2 else items.unsqueeze(1)
        vectors = self.user_embeddings(query).unsqueeze(1)
        scores: Tensor = (vectors * self.items(lists)).sum(-1)
        return scores.view(items.shape)

    def score_all(self, query: Query) -> Tensor:
        """(B, I) scores of the whole catalog."""
        return self.user_embeddings(query) @ self.item_embeddings().T

    def user_embeddings(self, query: Query) -> Tensor:
        """(B, D)."""
        vectors: Tensor = self.users(query.users)
        return vectors

    def item_embeddings(self) -> Tensor:
        """(I, D)."""
        return self.items.rows()''',
        "(RecommenderModule)",
    ),
    "loss": Body(
        """from dataclasses import dataclass
from typing import ClassVar

from rexp.api import Batch, Layout, reduce
from torch import Tensor
from torch.nn.functional import softplus""",
        ("scale: float = 1.0", "factor of the scores."),
        '''    layout: ClassVar[Layout] = Layout.PAIRWISE
    weighted: ClassVar[bool] = True

    def __init__(self, config: $clsConfig) -> None:
        self.config = config

    def __call__(self, scores: Tensor, batch: Batch) -> Tensor:
        """The scalar loss of ``scores`` (B, 2): positive, negative."""
        losses = softplus(self.config.scale * (scores[:, 1] - scores[:, 0]))
        log_q = None if batch.log_q is None else batch.log_q[:, 1]
        return reduce(losses, "mean", log_q, batch.weights)''',
    ),
    "sampler": Body(
        """from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from rexp.api import Negatives, Split
from torch import Generator, Tensor""",
        ("n: int = 4", "negatives of each positive."),
        '''    positives: ClassVar[Literal["interactions"]] = "interactions"
    scope: ClassVar[Literal["chunk"]] = "chunk"

    def __init__(self, config: $clsConfig, split: Split) -> None:
        self.n, self.n_items = config.n, split.n_items

    def sample(self, users: Tensor, positives: Tensor, generator: Generator) -> Negatives:
        """(B, n) items for ``users`` (B,), each item as likely."""
        return Negatives(torch.randint(self.n_items, (len(users), self.n), generator=generator))''',
    ),
    "data": Body(
        """from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl
from rexp.api import DataCard, RawData, SourceFile""",
        ("n_users: int = 100", "users that are drawn."),
        '''    card: ClassVar[DataCard] = DataCard("$cls", "none: it is generated", "")

    def __init__(self, config: $clsConfig, root: Path | None) -> None:
        self.config = config

    def sources(self) -> Sequence[SourceFile]:
        """None: the options say everything."""
        return []

    def read(self) -> RawData:
        """Ten items of 50 for each user, drawn at random, with an order in time."""
        chance = np.random.default_rng(0)
        users = np.repeat(np.arange(self.config.n_users), 10)
        items = np.concatenate([chance.permutation(50)[:10] for _ in range(self.config.n_users)])
        times = np.tile(np.arange(10), self.config.n_users)
        return RawData(pl.DataFrame({"user": users, "item": items, "time": times}))''',
    ),
    "split": Body(
        """from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from rexp.api import Interactions, SplitRows""",
        ("every: int = 10", "one row of so many is tested."),
        '''    def __init__(self, config: $clsConfig) -> None:
        self.config = config

    def split(self, interactions: Interactions) -> SplitRows:
        """Masks of the rows; every row is in one part."""
        places = np.arange(len(interactions)) % self.config.every
        return SplitRows(places > 0, np.zeros(len(interactions), bool), places == 0)''',
    ),
    "stage": Body(
        """from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from rexp.api import RecommenderModule, Requirement, StageContext, tables""",
        ("step: float = 0.125", "to whose multiples weights are rounded."),
        '''    phase: ClassVar[Literal["post"]] = "post"
    needs: frozenset[Requirement] = frozenset({Requirement.TABLES})
    trainable_after: ClassVar[bool] = True
    modules: ClassVar[Mapping[str, type]] = {}

    def __init__(self, config: $clsConfig) -> None:
        self.config = config

    def apply(self, model: RecommenderModule, context: StageContext) -> None:
        """Round every table."""
        for table in tables(model).values():
            table.assign((table.rows() / self.config.step).round() * self.config.step)''',
    ),
    "retriever": Body(
        """from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

Array = np.ndarray[Any, Any]""",
        ("at_once: int = 1024", "queries that are scored together."),
        '''    def __init__(self, config: $clsConfig) -> None:
        self.config = config

    def build(self, vectors: Array) -> None:
        """Keep (I, D) vectors."""
        self.vectors = vectors

    def search(self, queries: Array, n: int) -> tuple[Array, Array]:
        """Scores (B, n) and items (B, n) of (B, D) queries, best first."""
        blocks = [queries[start : start + self.config.at_once] for start in range(0, len(queries), self.config.at_once)]
        scores = np.concatenate([block @ self.vectors.T for block in blocks])
        items = np.argsort(-scores, axis=1, kind="stable")[:, :n]
        return np.take_along_axis(scores, items, 1), items

    def save(self, path: Path) -> None:
        """Write the vectors to this file."""
        with path.open("wb") as file:
            np.save(file, self.vectors)

    def load(self, path: Path) -> None:
        """Read them back."""
        self.vectors = np.load(path, allow_pickle=False)''',
    ),
    "metric": Body(
        """from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from rexp.api import MetricContext, TopKLists
from torch import Tensor""",
        ("persistence: float = 0.8", "weight of a place, of the one before it."),
        '''    kind: ClassVar[Literal["users"]] = "users"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, config: $clsConfig, context: MetricContext) -> None:
        self.config = config

    def per_user(self, lists: TopKLists, k: int) -> Tensor:
        """(B,) float64: hits, each weighed by its place."""
        hits = lists.hits[:, :k].double()
        return (hits * self.config.persistence ** torch.arange(hits.shape[1])).sum(1)''',
    ),
    "tracker": Body(
        """from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from rexp.api import RunInfo""",
        ('file: str = "lines.txt"', "its name in the run's folder."),
        '''    def __init__(self, config: $clsConfig, run: RunInfo) -> None:
        self.path = run.directory / config.file

    def log(self, values: Mapping[str, float], epoch: int) -> None:
        """A line an epoch."""
        self._write(f"{epoch} {dict(values)}")

    def finish(self, summary: Mapping[str, Any], status: str) -> None:
        """A last line."""
        self._write(status)

    def _write(self, line: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            print(line, file=file)''',
    ),
    "explainer": Body(
        """from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from rexp.api import Capability, ConfigError, Explanation, Query, Reason, Split""",
        ("most: int = 20", "reasons that are given."),
        '''    def __init__(self, config: $clsConfig) -> None:
        self.config = config

    def explain(self, model: Any, split: Split, query: Query, item: int) -> Explanation:
        """The user's items by the inner product of their vectors with the item's."""
        if Capability.HAS_EMBEDDINGS not in model.capabilities():
            raise ConfigError(f"{type(model).__name__} has no vectors of items")
        user, ids = int(query.users[0]), split.items_table()["item"]
        own = sorted(set(split.train.items[split.train.users == user].tolist()))
        with torch.no_grad():
            vectors, score = model.item_embeddings(), float(model.score(query, torch.tensor([item])))
        values = (vectors[own] @ vectors[item]).tolist()
        reasons = [Reason(str(ids[one]), value) for one, value in zip(own, values, strict=True)]
        best = sorted(reasons, key=lambda reason: -reason.value)[: self.config.most]
        names = str(split.user_ids()[user]), str(ids[item])
        return Explanation(*names, "", score, "history", "inner products", None, tuple(best))''',
    ),
}
