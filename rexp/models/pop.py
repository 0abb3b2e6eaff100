"""Popularity: every user is recommended what most users took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Generator, Tensor

from rexp.api import Capability, DataSpec, Query, RecommenderModule

if TYPE_CHECKING:
    from rexp.data.split import Split


@dataclass(frozen=True)
class PopularityConfig:
    """:class:`Popularity` has no options."""


class Popularity(RecommenderModule):
    """The score of an item is the number of distinct training users who took it."""

    Config: ClassVar[type] = PopularityConfig
    counts: Tensor

    def __init__(self, config: PopularityConfig, spec: DataSpec) -> None:
        super().__init__()
        self.register_buffer("counts", torch.zeros(spec.n_items))

    def capabilities(self) -> frozenset[Capability]:
        """Counted, not trained."""
        return frozenset({Capability.CLOSED_FORM, Capability.SCORES_ALL_ITEMS})

    def fit(self, split: Split, generator: Generator) -> None:
        """Count; nothing is drawn from the generator."""
        self.counts.copy_(torch.from_numpy(split.train_users_per_item))

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Counts of ``items``, in their shape."""
        return self.counts[items]

    def score_all(self, query: Query) -> Tensor:
        """(B, I): the counts, once for every user."""
        return self.counts.repeat(len(query.users), 1)
