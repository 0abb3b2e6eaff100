"""Means of ratings: of all, or with what users and items differ from it. References for rating prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Generator, Tensor

from rexp.api import Capability, DataSpec, Query, RecommenderModule
from rexp.models._rating_baseline import Ratings, rating_matrix

if TYPE_CHECKING:
    from rexp.data.split import Split


@dataclass(frozen=True)
class MeanConfig:
    """:class:`Mean` has no options."""


@dataclass(frozen=True)
class BiasConfig:
    """Options of :class:`Bias`.

    Args:
        item_damping, user_damping: ratings without a difference that every item and user is given beside its own.
        epochs: how often items and users are learned in turn, each from what the others leave; 10 with an
            ``item_damping`` of 10 and a ``user_damping`` of 15 make the BaselineOnly of Surprise.
    """

    item_damping: float = 25.0
    user_damping: float = 10.0
    epochs: int = 1

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f"epochs={self.epochs} must be 1 or more")
        if self.item_damping < 0 or self.user_damping < 0:
            raise ValueError(f"item_damping={self.item_damping}, user_damping={self.user_damping} must not be negative")


class Bias(RecommenderModule):
    """Damped means of users and items, ``mu + b_u + b_i`` (Koren, Factor in the neighbors, TKDD 2010, section 2.1)."""

    Config: ClassVar[type] = BiasConfig

    def __init__(self, config: BiasConfig, spec: DataSpec) -> None:
        super().__init__()
        self.ratings = Ratings(spec, config.item_damping, config.user_damping, config.epochs)

    def capabilities(self) -> frozenset[Capability]:
        """Closed form; scores are ratings."""
        return frozenset({Capability.CLOSED_FORM, Capability.SCORES_ALL_ITEMS, Capability.PREDICTS_RATINGS})

    def fit(self, split: Split, generator: Generator) -> None:
        """Take the means; nothing is drawn.

        Raises:
            ConfigError: the data has no ratings.
        """
        self.ratings.bind(split)
        self.ratings.fit()

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Ratings of ``items`` (B,) or (B, K), in their shape."""
        return self.ratings.of(query.users, items)

    def score_all(self, query: Query) -> Tensor:
        """(B, I) ratings of the whole catalogue."""
        return self.ratings.baseline(query.users)


class Mean(RecommenderModule):
    """The mean of the training ratings, whoever rates what."""

    Config: ClassVar[type] = MeanConfig
    mean: Tensor

    def __init__(self, config: MeanConfig, spec: DataSpec) -> None:
        super().__init__()
        self.n_items = spec.n_items
        self.register_buffer("mean", torch.zeros(()))

    def capabilities(self) -> frozenset[Capability]:
        """Closed form; scores are ratings."""
        return frozenset({Capability.CLOSED_FORM, Capability.SCORES_ALL_ITEMS, Capability.PREDICTS_RATINGS})

    def fit(self, split: Split, generator: Generator) -> None:
        """Take the mean over users and items, of an item rated again the last rating; nothing is drawn.

        Raises:
            ConfigError: the data has no ratings.
        """
        self.mean.fill_(float(rating_matrix(split).data.mean(dtype=np.float64)))

    def score(self, query: Query, items: Tensor) -> Tensor:
        """The mean, in the shape of ``items``."""
        return self.mean.repeat(items.shape)

    def score_all(self, query: Query) -> Tensor:
        """(B, I): the mean everywhere."""
        return self.mean.repeat(len(query.users), self.n_items)
