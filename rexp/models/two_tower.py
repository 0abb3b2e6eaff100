"""Two towers: a user's network over history and features, an item's over its id and features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rexp.api import Capability, DataSpec, Query, RecommenderModule
from rexp.errors import ConfigError
from rexp.nn.coupling import HiddenUnits
from rexp.nn.dot import dot, dot_of_all
from rexp.nn.dropout import Dropout
from rexp.nn.embedding import Init, embedding_table, initialize
from rexp.nn.feature_embedding import FeatureSum, chosen_features_without_context, mean_rows
from rexp.nn.sliding import line_of, sliding
from rexp.nn.stamp import Stamp

if TYPE_CHECKING:
    from rexp.data.split import Split

WIDE = 64
"""Scoring all users of a batch with all its items is faster where these are at most so many times a user's own."""


@dataclass(frozen=True)
class TwoTowerConfig:
    """Options of :class:`TwoTower`.

    Args:
        factors: size of the embeddings and of the towers' output.
        layers: sizes of the hidden layers of the user's tower; none leaves a linear one.
        item_layers: of the item's; none leaves the sum of its id's vector and its features'.
        history_length: the latest items whose mean is read; 0 reads none. YouTube reads 50 watches.
        share_items: read the history with the items' own id vectors; else with vectors of its own, as in YouTube's.
        use_user_id: read a vector of the user's id.
        use_features: names of the features that are read (``user.age``, ``item.genres``); null takes all.
        dropout: rate on the input of every layer of the user's tower.
        normalize: bring both towers' outputs to length 1.
        temperature: divides the dot product.
        init_scale: standard deviation of the embeddings' initial values.
    """

    factors: int = 64
    layers: tuple[int, ...] = (128,)
    item_layers: tuple[int, ...] = ()
    history_length: int = 5
    share_items: bool = True
    use_user_id: bool = False
    use_features: tuple[str, ...] | None = None
    dropout: float = 0.1
    normalize: bool = True
    temperature: float = 0.1
    init_scale: float = 0.1

    def __post_init__(self) -> None:
        if self.factors < 1:
            raise ValueError(f"factors={self.factors} must be 1 or more")
        for key in ("layers", "item_layers"):
            if min(getattr(self, key), default=1) < 1:
                raise ValueError(f"{key}={list(getattr(self, key))} must be sizes of 1 or more")
        if self.history_length < 0:
            raise ValueError(f"history_length={self.history_length} must not be negative")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout} must be at least 0 and below 1")
        if self.temperature <= 0:
            raise ValueError(f"temperature={self.temperature} must be above 0")


class TwoTower(RecommenderModule):
    """Candidate generation as at YouTube: the dot product of what a user's and an item's tower make of them.

    The user's tower reads the mean of the history's item vectors beside features (Covington et al., RecSys 2016); the
    item's reads features too, and both are trained by a sampled softmax that is corrected for how the negatives were
    drawn (Yi et al., RecSys 2019), which also bring the outputs to length 1 and divide by a temperature. Theirs are
    layers over joined vectors; here a side's features are added, which is the same before a linear layer.
    """

    Config: ClassVar[type] = TwoTowerConfig

    history_length: int

    def __init__(self, config: TwoTowerConfig, spec: DataSpec) -> None:
        super().__init__()
        self.config, self.history_length = config, config.history_length
        init = Init("normal", config.init_scale)
        user, item = (
            chosen_features_without_context(spec.features, config.use_features, side, "two_tower")
            for side in ("user", "item")
        )
        size = config.factors
        own_history = config.history_length > 0 and not config.share_items
        self.n_items = spec.n_items
        self.items = embedding_table(spec.n_items, size, init)
        self.history = embedding_table(spec.n_items, size, init) if own_history else None
        self.users = embedding_table(spec.n_users, size, init) if config.use_user_id else None
        self.item_features = FeatureSum(item, spec.n_items, size, init) if item else None
        self.user_features = FeatureSum(user, spec.n_users, size, init) if user else None
        n_inputs = (config.history_length > 0) + config.use_user_id + bool(user)
        if not n_inputs:
            raise ConfigError(
                "the user's tower has nothing to read: take model.history_length=5, model.use_user_id=true or "
                "features of users"
            )
        self.user_tower = _layers([n_inputs * size, *config.layers, size], config.dropout)
        self.item_tower = _layers([size, *config.item_layers, size], 0.0) if config.item_layers else None
        self._catalogue: tuple[Stamp, Tensor] | None = None

    def capabilities(self) -> frozenset[Capability]:
        """A dot product of two towers' outputs, which read what the options say."""
        always = {Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT, Capability.SCORES_ALL_ITEMS}
        if self.history_length:
            always.add(Capability.SEQUENTIAL)
        if self.user_features is not None or self.item_features is not None:
            always.add(Capability.NEEDS_TRAIN_DATA)
        return frozenset(always)

    def bind(self, split: Split) -> None:
        """Take the values of the features."""
        for features in (self.user_features, self.item_features):
            if features is not None:
                features.bind(split.features())
        self._catalogue = None

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Scores of ``items`` (B,) or (B, K); of lists the item's tower is computed once for every distinct item."""
        users = self.user_embeddings(query)
        if items.dim() == 1:
            return dot(users, self.item_embeddings_of(items))
        if torch.compiler.is_compiling():  # the number of distinct items is no shape that could be traced
            return dot(users, self._tower(items.flatten()).view(*items.shape, -1))
        distinct, places = _distinct(items, self.n_items)
        vectors = self.item_embeddings_of(distinct)
        if len(distinct) <= WIDE * items.shape[1]:
            return dot_of_all(users, vectors, places)
        return dot(users, vectors[places])

    def score_all(self, query: Query) -> Tensor:
        """(B, I) scores of the whole catalogue."""
        return self.user_embeddings(query) @ self.item_embeddings().T

    def user_embeddings(self, query: Query) -> Tensor:
        """(B, D): the user's tower, divided by the temperature."""
        inputs: list[Tensor] = []
        if self.history_length:
            inputs.append(self._mean_of_history(query))
        inputs += [side(query.users) for side in (self.users, self.user_features) if side is not None]
        return self._output(self.user_tower(torch.cat(inputs, 1))) / self.config.temperature

    def item_embeddings(self) -> Tensor:
        """(I, D): the item's tower; in evaluation it is kept as long as no weight changes."""
        # Not asked of all rows, which a packed table would unpack for each request.
        device = next(chain(self.items.parameters(), self.items.buffers())).device
        everything = torch.arange(self.n_items, device=device)
        if self.training or torch.is_grad_enabled():
            # What follows may be an optimizer's step, and a fused one leaves no trace in the stamp.
            self._catalogue = None
            return self._tower(everything)
        weights = [*self.parameters(), *self.buffers()]
        if self._catalogue is None or not self._catalogue[0].fits(weights):
            self._catalogue = Stamp(weights), self._tower(everything)
        return self._catalogue[1]

    def train(self, mode: bool = True) -> TwoTower:
        """As every module's; forgets the item vectors."""
        self._catalogue = None
        return super().train(mode)

    def item_embeddings_of(self, items: Tensor) -> Tensor:
        """(N, D) vectors of ``items`` (N,)."""
        if self.training or torch.is_grad_enabled():
            self._catalogue = None
            return self._tower(items)
        return self.item_embeddings()[items]

    def _tower(self, items: Tensor) -> Tensor:
        vectors = self.items(items)
        if self.item_features is not None:
            vectors = vectors + self.item_features(items)
        if self.item_tower is not None:
            vectors = self.item_tower(vectors)
        return self._output(vectors)

    def hidden_units(self) -> Sequence[HiddenUnits]:
        """Hidden units between the layers of each tower."""
        return [
            HiddenUnits((f"{name}.{maker}",), f"{name}.{taker}")
            for name in ("user_tower", "item_tower")
            for maker, taker in pairwise(_places(getattr(self, name)))
        ]

    def _mean_of_history(self, query: Query) -> Tensor:
        """(B, D): the mean of the latest items' vectors; zeros for an empty history."""
        table = self.items if self.history is None else self.history
        if query.history is None:
            return table.rows().new_zeros(len(query.users), self.config.factors)
        latest = query.history[:, -self.history_length :]
        return mean_rows(table, latest, latest >= 0)

    def _output(self, vectors: Tensor) -> Tensor:
        return F.normalize(vectors, dim=1) if self.config.normalize else vectors


def _layers(sizes: Sequence[int], dropout: float) -> nn.Sequential:
    """Linear layers with ReLU between them; weights start Glorot-uniform, biases at 0."""
    layers: list[nn.Module] = []
    for size, following in pairwise(sizes):
        linear = nn.Linear(size, following)
        initialize(linear.weight, "glorot_uniform")
        nn.init.zeros_(linear.bias)
        layers += [Dropout(dropout), linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _places(tower: nn.Sequential | None) -> list[int]:
    """Where the linear layers of a tower stand."""
    return [place for place, part in enumerate(tower or ()) if not isinstance(part, Dropout | nn.ReLU)]


def _distinct(items: Tensor, n_items: int) -> tuple[Tensor, Tensor]:
    """The distinct items, ascending, and the place of each of ``items`` among them; ten times as fast as sorting."""
    line = line_of(items)
    asked = items.flatten() if line is None else line
    seen = torch.zeros(n_items, dtype=torch.bool, device=items.device)
    seen[asked] = True
    distinct = seen.nonzero().squeeze(1)
    places = torch.empty(n_items, dtype=torch.int64, device=items.device)
    places[distinct] = torch.arange(len(distinct), device=items.device)
    found = places[asked]
    return distinct, found.view(items.shape) if line is None else sliding(found, items.shape[1])
