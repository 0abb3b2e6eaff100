"""Slope One: an item's rating from the user's ratings of others, and the mean difference between the two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from rexp.api import Capability, DataSpec, Query, RecommenderModule
from rexp.models._item_item import pick
from rexp.models._rating_baseline import rating_matrix
from rexp.nn.sparse import SparseMatrix, dense

if TYPE_CHECKING:
    from torch import Generator

    from rexp.data.split import Split


@dataclass(frozen=True)
class SlopeOneConfig:
    """Options of :class:`SlopeOne`.

    Args:
        weighted: items count by how many users rated both; false: all the same, which is the plain scheme.
    """

    weighted: bool = False


class SlopeOne(RecommenderModule):
    """Slope One (Lemire and Maclachlan: Slope One predictors for online rating-based collaborative filtering,
    SDM 2005).

    With dev_ij the mean of r_ui - r_uj over the c_ij users who rated both, and j over the other items that u rated with
    c_ij > 0: ``mean_u + mean_j dev_ij``, as Surprise has it too; weighted ``sum_j c_ij (dev_ij + r_uj) / sum_j c_ij``.
    Without such an item the user's mean is predicted; where user or item has no training rating, the mean of all.

    Two dense matrices of all pairs of items are kept: 8 I² bytes.
    """

    Config: ClassVar[type] = SlopeOneConfig
    differences: Tensor
    counts: Tensor

    def __init__(self, config: SlopeOneConfig, spec: DataSpec) -> None:
        super().__init__()
        self.config = config
        self.observed = SparseMatrix(spec.n_users, spec.n_items, persistent=False)
        self.register_buffer("differences", torch.zeros(spec.n_items, spec.n_items))
        self.register_buffer("counts", torch.zeros(spec.n_items, spec.n_items))

    def capabilities(self) -> frozenset[Capability]:
        """Closed form; scores are ratings."""
        return frozenset(
            {
                Capability.CLOSED_FORM,
                Capability.SCORES_ALL_ITEMS,
                Capability.NEEDS_TRAIN_DATA,
                Capability.PREDICTS_RATINGS,
            }
        )

    def bind(self, split: Split) -> None:
        """Take the training ratings.

        Raises:
            ConfigError: the data has no ratings.
        """
        self.observed.assign(rating_matrix(split))

    def fit(self, split: Split, generator: Generator) -> None:
        """Compare all pairs of items; nothing is drawn."""
        ratings = self.observed.scipy().astype(np.float64)
        rated = csr_array((np.ones_like(ratings.data), ratings.indices, ratings.indptr), shape=ratings.shape)
        counts, sums = (rated.T @ rated).toarray(), (ratings.T @ rated).toarray()
        np.fill_diagonal(counts, 0)
        self.counts.copy_(torch.from_numpy(counts))
        self.differences.copy_(torch.from_numpy((sums - sums.T) / np.maximum(counts, 1)))

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Ratings of ``items`` (B,) or (B, K), in their shape."""
        return pick(self.score_all, query, items)

    def score_all(self, query: Query) -> Tensor:
        """(B, I) ratings of the whole catalogue."""
        observed = self.observed.scipy()
        ratings = observed[query.users.cpu().numpy()]
        ones = csr_array((np.ones_like(ratings.data), ratings.indices, ratings.indptr), shape=ratings.shape)
        rated, rating = dense(ones, query.users), dense(ratings, query.users)
        weights = self.counts if self.config.weighted else (self.counts > 0).float()
        n_rated = rated.sum(1, keepdim=True)
        means = rating.sum(1, keepdim=True) / n_rated.clamp(min=1)
        total = rated @ weights.T
        sums = rated @ (weights * self.differences).T
        sums += rating @ weights.T if self.config.weighted else means * total
        predicted = torch.where(total > 0, sums / total.clamp(min=1), means)
        items = torch.bincount(self.observed.columns, minlength=observed.shape[1]) > 0
        return torch.where((n_rated > 0) & items, predicted, self.observed.values.mean())
