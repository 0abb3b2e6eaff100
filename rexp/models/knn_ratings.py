"""Nearest neighbors among those who rated the item, or among the items that the user rated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from rexp.api import Capability, DataSpec, Query, RecommenderModule
from rexp.models._common_ratings import CommonRatings
from rexp.models._rating_baseline import Array, Ratings

if TYPE_CHECKING:
    from torch import Generator

    from rexp.data.split import Split

CELLS_AT_ONCE = 4_000_000
"""Pairs of a rating that is wanted and a possible neighbor that are looked at at once."""


@dataclass(frozen=True)
class KNNRatingsConfig(CommonRatings):
    """Options of :class:`KNNRatings`: those of :class:`rexp.models._common_ratings.CommonRatings`, and

    Args:
        by: neighbors are a ``user``'s or an ``item``'s.
        around: of what the neighbors' ratings are a difference, see :class:`KNNRatings`.
        k: neighbors at most, the most similar ones that have the rating.
        min_k: fewest neighbors; with fewer, there is no difference.
        item_damping, user_damping, epochs: of the baseline (:class:`rexp.models._rating_baseline.Ratings`).
    """

    by: Literal["user", "item"] = "user"
    around: Literal["zero", "mean", "zscore", "baseline"] = "baseline"
    k: int = 40
    min_k: int = 1
    item_damping: float = 10.0
    user_damping: float = 15.0
    epochs: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.k < 1 or self.min_k < 1 or self.epochs < 1:
            raise ValueError(f"k={self.k}, min_k={self.min_k} and epochs={self.epochs} must be 1 or more")
        if self.item_damping < 0 or self.user_damping < 0:
            raise ValueError(f"item_damping={self.item_damping}, user_damping={self.user_damping} must not be negative")


class KNNRatings(RecommenderModule):
    """Neighborhood models of ratings (Resnick et al.: GroupLens, CSCW 1994; Herlocker et al., SIGIR 1999; Koren, TKDD
    2010, section 2.2), by the definitions of Surprise.

    With v over the k users most similar to u who rated i and are similar at all (s_uv > 0),

    ``c_ui + d_u sum_v s_uv (r_vi - c_vi) / d_v / sum_v s_uv``

    where c and d are 0 and 1 (``zero``, Surprise's KNNBasic); the user's mean rating and 1 (``mean``, KNNWithMeans);
    the mean and the standard deviation of the user's ratings, or of all where that is 0 (``zscore``, KNNWithZScore); or
    mu + b_u + b_i and 1 (``baseline``, KNNBaseline). Likewise with items in the place of users. Equally similar ones
    count in the order of their ids.

    With too few neighbors c_ui is predicted, of ``zero`` the mean of all ratings; so is that where user or item has no
    training rating, but for ``baseline``.

    A dense matrix of similarities is kept: 4 U² or 4 I² bytes.
    """

    Config: ClassVar[type] = KNNRatingsConfig
    similarity: Tensor

    def __init__(self, config: KNNRatingsConfig, spec: DataSpec) -> None:
        super().__init__()
        self.config = config
        n = spec.n_users if config.by == "user" else spec.n_items
        self.ratings = Ratings(spec, config.item_damping, config.user_damping, config.epochs)
        self.register_buffer("similarity", torch.zeros(n, n))

    def capabilities(self) -> frozenset[Capability]:
        """Closed form; scores are ratings."""
        return frozenset({Capability.CLOSED_FORM, Capability.NEEDS_TRAIN_DATA, Capability.PREDICTS_RATINGS})

    def bind(self, split: Split) -> None:
        """Take the training ratings.

        Raises:
            ConfigError: the data has no ratings.
        """
        self.ratings.bind(split)

    def fit(self, split: Split, generator: Generator) -> None:
        """Learn the baseline and compare all users, or all items; nothing is drawn."""
        self.ratings.fit()
        from_baseline = self.config.similarity == "pearson_baseline"
        matrix = self.ratings.residuals() if from_baseline else self.ratings.observed.scipy()
        self.similarity.copy_(torch.from_numpy(self.config.of(self._by_neighbor(matrix))))

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Ratings of ``items`` (B,) or (B, K), in their shape."""
        users = query.users.view(-1, *[1] * (items.dim() - 1)).expand(items.shape).reshape(-1)
        return self._predict(users, items.reshape(-1)).view(items.shape)

    def _predict(self, users: Tensor, items: Tensor) -> Tensor:
        """(N,) ratings of users (N,) and items (N,)."""
        config, device = self.config, items.device
        own, other = (users, items) if config.by == "user" else (items, users)
        observed = self._by_neighbor(self.ratings.observed.scipy())
        centers, scales = self._centers_and_scales(observed)
        if config.around == "baseline":
            center, values = self.ratings.of(users, items), self._by_neighbor(self.ratings.residuals())
        else:
            center = torch.from_numpy(centers).to(device)[own]
            neighbors = np.repeat(np.arange(len(centers)), np.diff(observed.indptr))
            values = _like(observed, (observed.data - centers[neighbors]) / scales[neighbors])

        means, counts = self._means(own, other, observed, values)
        predicted = center + torch.from_numpy(scales).to(device)[own] * means
        if config.around == "baseline":
            return predicted
        enough = counts >= config.min_k if config.around == "zero" else torch.ones_like(own, dtype=torch.bool)
        rated_by = np.diff(observed.indptr) > 0, np.bincount(observed.indices, minlength=observed.shape[1]) > 0
        for ids, rated in zip((own, other), rated_by, strict=True):
            enough &= torch.from_numpy(rated).to(device)[ids]
        return torch.where(enough, predicted, self.ratings.overall.float())

    def _means(self, own: Tensor, other: Tensor, observed: csr_array, values: csr_array) -> tuple[Tensor, Tensor]:
        """Weighted means of the neighbors' values, 0 where they are too few, and how many neighbors there are.

        Args:
            own, other: (N,), whose neighbors are looked for, and what these must have rated or been rated by.
            observed, values: (n, m), the ratings and their values by neighbor.

        Returns:
            (N,) float32 and (N,) int64.
        """
        rated = torch.from_numpy(_like(observed, np.ones(observed.nnz, bool)).toarray()).to(own.device)
        dense = torch.from_numpy(values.toarray().astype(np.float32, copy=False)).to(own.device)
        rows, place = torch.unique(own, return_inverse=True)
        similarity, neighbors = self.similarity[rows].sort(dim=1, descending=True, stable=True)
        means, counts = [], []
        for pairs in torch.split(torch.arange(len(own), device=own.device), max(1, CELLS_AT_ONCE // len(dense))):
            column, others = neighbors[place[pairs]], other[pairs].unsqueeze(1)
            weights = similarity[place[pairs]]
            taken = rated[column, others] & (weights > 0)
            taken &= taken.cumsum(1) <= self.config.k
            weights = weights * taken
            counts.append(taken.sum(1))
            mean = (weights * dense[column, others]).sum(1) / weights.sum(1)
            means.append(torch.where(counts[-1] >= self.config.min_k, mean, 0.0))
        return torch.cat(means), torch.cat(counts)

    def _centers_and_scales(self, observed: csr_array) -> tuple[Array, Array]:
        """c and d of every neighbor, (n,) float32 each; the baseline is another c."""
        n = observed.shape[0]
        centers, scales = np.zeros(n), np.ones(n)
        if self.config.around in ("mean", "zscore"):
            counts = np.maximum(np.diff(observed.indptr), 1)
            rows, data = np.repeat(np.arange(n), np.diff(observed.indptr)), observed.data.astype(np.float64)
            centers = np.bincount(rows, data, minlength=n) / counts
            if self.config.around == "zscore":
                deviations = np.sqrt(np.bincount(rows, (data - centers[rows]) ** 2, minlength=n) / counts)
                scales = np.where(deviations > 0, deviations, data.std() or 1.0)
        return centers.astype(np.float32), scales.astype(np.float32)

    def _by_neighbor(self, matrix: csr_array) -> csr_array:
        """A matrix of users and items with a row for each possible neighbor."""
        return matrix if self.config.by == "user" else csr_array(matrix.T)


def _like(matrix: csr_array, values: Array) -> csr_array:
    """The matrix with other values in its entries."""
    return csr_array((values, matrix.indices, matrix.indptr), shape=matrix.shape)
