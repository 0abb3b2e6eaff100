"""Popularity that fades: an interaction counts half as much for every half-life that has passed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Generator, Tensor, nn

from rexp.api import Capability, DataError, DataSpec, Query

if TYPE_CHECKING:
    from rexp.api import Split

SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class RecentPopularityConfig:
    """Options of :class:`RecentPopularity`.

    Args:
        half_life_days: after so many days an interaction counts half.
    """

    half_life_days: float = 30.0

    def __post_init__(self) -> None:
        if not self.half_life_days > 0:
            raise ValueError(f"half_life_days={self.half_life_days} must be above 0")


class RecentPopularity(nn.Module):
    """Scores an item by the faded count of its training interactions, whoever asks.

    The clock stands at the latest training interaction, so that nothing after it is known.
    """

    Config: ClassVar[type] = RecentPopularityConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)
    popularity: Tensor

    def __init__(self, config: RecentPopularityConfig, spec: DataSpec) -> None:
        super().__init__()
        self.half_life = config.half_life_days * SECONDS_A_DAY
        self.register_buffer("popularity", torch.zeros(spec.n_items))

    def capabilities(self) -> frozenset[Capability]:
        return frozenset({Capability.CLOSED_FORM, Capability.SCORES_ALL_ITEMS})

    def fit(self, split: Split, generator: Generator) -> None:
        """Count the training interactions; the generator is not used.

        Raises:
            DataError: the data has no interaction times.
        """
        train = split.train
        if train.times is None:
            raise DataError(
                f"model=recent_pop needs the times of interactions, and data={split.name} has none; "
                "take model=pop, or name the column (data.columns.time=COLUMN)"
            )
        age = (train.times.max() - train.times) / train.ticks
        weights = np.exp2(-age / self.half_life)
        counts = np.bincount(train.items, weights=weights, minlength=split.n_items)
        self.popularity.copy_(torch.from_numpy(counts))

    def score(self, query: Query, items: Tensor) -> Tensor:
        """The popularity of ``items`` (B,) or (B, K), in their shape."""
        return self.popularity[items]

    def score_all(self, query: Query) -> Tensor:
        """(B, I): the popularity of every item, once a user."""
        return self.popularity.expand(len(query.users), -1)
