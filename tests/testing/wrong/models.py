"""Models that each break one rule of the contract."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rexp.api import Capability, Query, adopt_embeddings


@dataclass(frozen=True)
class Options:
    """An option, so that random ones are drawn."""

    width: int = 4


class Right(nn.Module):
    """A dot product that keeps the contract."""

    Config = Options
    stated: Any = frozenset({Capability.SCORES_ALL_ITEMS})

    def __init__(self, config: Options, spec: Any) -> None:
        super().__init__()
        self.config, self.n_users, self.n_items = config, spec.n_users, spec.n_items
        self.users = nn.Embedding(spec.n_users, config.width)
        self.items = nn.Embedding(spec.n_items, config.width)

    def capabilities(self) -> Any:
        return self.stated

    def user_vectors(self, query: Query) -> Tensor:
        return self.users(query.users)

    def score_all(self, query: Query) -> Tensor:
        return self.user_vectors(query) @ self.items(torch.arange(self.n_items)).T

    def score(self, query: Query, items: Tensor) -> Tensor:
        lists = items if items.ndim == 2 else items.unsqueeze(1)
        return self.score_all(query).gather(1, lists).view(items.shape)


class BatchMean(Right):
    """model.batch-independent"""

    def user_vectors(self, query: Query) -> Tensor:
        vectors = super().user_vectors(query)
        return vectors - vectors.mean(0)


class OtherScoreAll(Right):
    """model.score-all"""

    def score(self, query: Query, items: Tensor) -> Tensor:
        return 2 * super().score(query, items)


class Noise(Right):
    """model.repeatable"""

    def score(self, query: Query, items: Tensor) -> Tensor:
        return super().score(query, items) + torch.rand(items.shape)


class UnsavedScalar(Right):
    """model.saved"""

    def __init__(self, config: Options, spec: Any) -> None:
        super().__init__(config, spec)
        self.scale = float(torch.rand(()) + 1)

    def score_all(self, query: Query) -> Tensor:
        return super().score_all(query) * self.scale


class DeadLayer(Right):
    """model.every-parameter-learns"""

    def __init__(self, config: Options, spec: Any) -> None:
        super().__init__(config, spec)
        self.dead = nn.Linear(3, 3)


class WritesIntoItsInput(Right):
    """model.inputs-kept"""

    def score(self, query: Query, items: Tensor) -> Tensor:
        scores = super().score(query, items)
        items.zero_()
        return scores


class DropsOneItem(Right):
    """model.score-shape"""

    def score(self, query: Query, items: Tensor) -> Tensor:
        return super().score(query, items)[..., :-1]


class NoEmptyBatch(Right):
    """model.nothing-asked"""

    def score(self, query: Query, items: Tensor) -> Tensor:
        assert items.numel()
        return super().score(query, items)


class ColdIsNaN(Right):
    """model.finite"""

    def user_vectors(self, query: Query) -> Tensor:
        cold = (query.users == self.n_users - 1).unsqueeze(1)
        return super().user_vectors(query).masked_fill(cold, torch.nan)


class ListOfCapabilities(Right):
    """model.capabilities"""

    stated = [Capability.SCORES_ALL_ITEMS]  # noqa: RUF012


class WrongVectors(Right):
    """model.dot-product"""

    stated = frozenset({Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT})

    def user_embeddings(self, query: Query) -> Tensor:
        return 1 + self.user_vectors(query)

    def item_embeddings(self) -> Tensor:
        return self.items(torch.arange(self.n_items))


class OtherVectorsOfSome(Right):
    """model.embeddings"""

    stated = frozenset({Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT})

    def user_embeddings(self, query: Query) -> Tensor:
        return self.user_vectors(query)

    def item_embeddings(self) -> Tensor:
        return self.items(torch.arange(self.n_items))

    def item_embeddings_of(self, items: Tensor) -> Tensor:
        return self.item_embeddings()[: len(items)]


class DrawsWhileScoring(Right):
    """model.no-chance"""

    def score(self, query: Query, items: Tensor) -> Tensor:
        np.random.random()  # noqa: NPY002
        return super().score(query, items)


class CountsItsCalls(Right):
    """model.state-kept"""

    def __init__(self, config: Options, spec: Any) -> None:
        super().__init__(config, spec)
        self.register_buffer("calls", torch.zeros(()))

    def score(self, query: Query, items: Tensor) -> Tensor:
        self.calls += 1
        return super().score(query, items)


class LooseTensor(Right):
    """model.registered"""

    def __init__(self, config: Options, spec: Any) -> None:
        super().__init__(config, spec)
        self.shift = torch.ones(())

    def score_all(self, query: Query) -> Tensor:
        return super().score_all(query) + self.shift


class SetsTheEnvironment(Right):
    """model.globals-kept"""

    def __init__(self, config: Options, spec: Any) -> None:
        super().__init__(config, spec)
        os.environ["SOME_LIBRARY_THREADS"] = "1"


class StaleCache(Right):
    """model.changes-noticed"""

    def __init__(self, config: Options, spec: Any) -> None:
        super().__init__(config, spec)
        self.kept: dict[str, Tensor] = {}

    def score_all(self, query: Query) -> Tensor:
        if self.training or torch.is_grad_enabled():
            return super().score_all(query)
        if "all" not in self.kept:
            self.kept["all"] = super().score_all(Query(torch.arange(self.n_users)))
        return self.kept["all"][query.users]

    def __deepcopy__(self, memo: Any) -> Any:
        other = type(self)(self.config, self)
        adopt_embeddings(other)
        other.load_state_dict(self.state_dict())
        return other.train(self.training)


class FitByGlobalChance(Right):
    """model.fit-by-generator"""

    stated = frozenset({Capability.CLOSED_FORM})

    def fit(self, split: Any, generator: Any) -> None:
        with torch.no_grad():
            self.users.weight.copy_(torch.rand(self.users.weight.shape))


class UnseededFit(Right):
    """model.fit-repeatable"""

    stated = frozenset({Capability.CLOSED_FORM})

    def __init__(self, config: Options, spec: Any) -> None:
        super().__init__(config, spec)
        self.register_buffer("first", torch.zeros(()))

    def fit(self, split: Any, generator: Any) -> None:
        self.first.copy_(torch.tensor(np.random.default_rng().random()))


class UnseededWeights(Right):
    """model.seeded"""

    def __init__(self, config: Options, spec: Any) -> None:
        super().__init__(config, spec)
        with torch.no_grad():
            self.users.weight.copy_(torch.from_numpy(np.random.default_rng().random(self.users.weight.shape)))


class RightSequential(Right):
    """A mean of the history that keeps the contract."""

    stated = frozenset({Capability.SEQUENTIAL})
    history_length = 5

    def user_vectors(self, query: Query) -> Tensor:
        assert query.history is not None
        known = (query.history >= 0).unsqueeze(-1)
        total = self.users.weight.sum() + (self.items(query.history.clamp(min=0)) * known).sum(1)
        return total / self.places(known)

    def places(self, known: Tensor) -> Tensor:
        return known.sum(1).clamp(min=1)


class CountsPadding(RightSequential):
    """model.padding"""

    def places(self, known: Tensor) -> Tensor:
        return torch.full((len(known), 1), max(1, known.shape[1]))


class NeedsAHistory(RightSequential):
    """model.empty-history"""

    def places(self, known: Tensor) -> Tensor:
        count = known.sum(1)
        return torch.where((known.shape[1] > 0) & (count == 0) & (len(known) > 1), 0, count.clamp(min=1))


class IgnoresHistory(Right):
    """model.history-is-read"""

    stated = frozenset({Capability.SEQUENTIAL})
    history_length = 5
