"""A data set with planted tastes: what a model should find is known, and so is what it cannot find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl

from rexp.api import DataCard, RawData, SourceFile


@dataclass(frozen=True)
class PlantedConfig:
    """Options of :class:`Planted`.

    Args:
        n_users, n_items: how many there are, before filters.
        n_tastes: tastes; every user and every item has one.
        n_taken: items that each user takes.
        noise: share of the draws that ignore the user's taste.
        skew: exponent of Zipf's law of popularity within a taste; 0 makes all items equally popular.
        seed: of everything that is drawn.
    """

    n_users: int = 500
    n_items: int = 200
    n_tastes: int = 5
    n_taken: int = 15
    noise: float = 0.2
    skew: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.n_users, self.n_tastes, self.n_taken) < 1 or self.n_items < self.n_tastes:
            raise ValueError("n_users, n_tastes and n_taken must be at least 1, and n_items at least n_tastes")
        if not 0 <= self.noise <= 1:
            raise ValueError(f"noise={self.noise} must be a share")
        reach = self.n_items if self.noise else self.n_items // self.n_tastes
        if self.n_taken > reach:
            raise ValueError(f"n_taken={self.n_taken} is more than the {reach} items that a user may take")


class Planted:
    """Each user takes distinct items one after another, an item of the own taste with the probability ``1 - noise`` and
    any item with ``noise``, in both cases in proportion to its popularity. The k-th item has the time k, in days, and
    tables of users and items hold the tastes as features."""

    Config: ClassVar[type] = PlantedConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)
    card: ClassVar[DataCard] = DataCard(
        title="Planted tastes",
        licence="none: it is generated",
        homepage="plugins/rexp-starter of rexp",
        notes="rexp data=planted data.n_users=1000 data.noise=0",
    )

    def __init__(self, config: PlantedConfig, root: Path | None) -> None:
        self.config = config

    def sources(self) -> Sequence[SourceFile]:
        """None: the options say everything."""
        return []

    def read(self) -> RawData:
        """Draw."""
        config, generator = self.config, np.random.default_rng(self.config.seed)
        item_tastes = np.arange(config.n_items) % config.n_tastes
        user_tastes = generator.integers(config.n_tastes, size=config.n_users)
        popularity = (1.0 + np.arange(config.n_items) // config.n_tastes) ** -config.skew
        users = np.repeat(np.arange(config.n_users), config.n_taken)
        items = np.concatenate([self._taken(item_tastes == taste, popularity, generator) for taste in user_tastes])
        days = np.tile(np.arange(config.n_taken), config.n_users)
        start = np.datetime64("2020-01-01", "us")
        times = start + days.astype("timedelta64[D]")
        return RawData(
            interactions=pl.DataFrame({"user": users, "item": items, "time": times}),
            users=_table("user", user_tastes),
            items=_table("item", item_tastes),
        )

    def _taken(self, own: np.ndarray, popularity: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """The items of one user, in their order: an exponential race is a draw one by one, without replacement."""
        liked = np.where(own, popularity, 0.0)
        chances = (1 - self.config.noise) * liked / liked.sum() + self.config.noise * popularity / popularity.sum()
        arrivals = np.full(len(own), np.inf)
        arrivals[chances > 0] = generator.exponential(size=len(own))[chances > 0] / chances[chances > 0]
        return np.argsort(arrivals, kind="stable")[: self.config.n_taken]


def _table(role: str, tastes: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame({role: np.arange(len(tastes)), "taste": [f"taste {taste}" for taste in tastes]})
