"""NMF of ratings: vectors without negative numbers, from the observed ratings alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from scipy.sparse import csr_array

from rexp.api import Capability
from rexp.models._factor_model import Factors
from rexp.models._quotient import quotient
from rexp.models._rating_baseline import Array, rating_matrix

if TYPE_CHECKING:
    from torch import Generator

    from rexp.api import DataSpec
    from rexp.data.split import Split


@dataclass(frozen=True)
class NMFRatingsConfig:
    """Options of :class:`NMFRatings`; the defaults are those of Surprise.

    Args:
        factors: size of the vectors.
        epochs: updates of all vectors.
        user_reg, item_reg: penalties on the vectors, at every rating of theirs.
        init_low, init_high: initial values are drawn between them.
    """

    factors: int = 15
    epochs: int = 50
    user_reg: float = 0.06
    item_reg: float = 0.06
    init_low: float = 0.0
    init_high: float = 1.0

    def __post_init__(self) -> None:
        if self.factors < 1 or self.epochs < 1:
            raise ValueError(f"factors={self.factors} and epochs={self.epochs} must be 1 or more")
        if self.user_reg < 0 or self.item_reg < 0:
            raise ValueError(f"user_reg={self.user_reg} and item_reg={self.item_reg} must not be negative")
        if not 0 <= self.init_low < self.init_high:
            raise ValueError(f"init_low={self.init_low} must not be negative, and below init_high={self.init_high}")


class NMFRatings(Factors):
    """``p_u · q_i`` with p, q >= 0 (Luo et al.: An efficient non-negative matrix-factorization-based approach to
    collaborative filtering, IEEE TII 2014, without biases), by updates that multiply and so keep the sign:

    ``p_uf *= sum_i q_if r_ui / (sum_i q_if p_u · q_i + n_u user_reg p_uf)`` over the n_u items that u rated, and so for
    q, both from the values before.

    Where user or item has no training rating, the mean mu of all is predicted. The vectors here have two columns more
    for it: ``[p_u, mu, -mu]`` or ``[0, mu, 0]`` of users, ``[q_i, 1, 1]`` or ``[0, 1, 0]`` of items.
    """

    Config: ClassVar[type] = NMFRatingsConfig

    def __init__(self, config: NMFRatingsConfig, spec: DataSpec) -> None:
        super().__init__(spec, config.factors + 2)
        self.config = config

    def capabilities(self) -> frozenset[Capability]:
        """Closed form, and a dot product that is a rating."""
        return super().capabilities() | {Capability.PREDICTS_RATINGS}

    def fit(self, split: Split, generator: Generator) -> None:
        """Update; the generator draws initial values.

        Raises:
            ConfigError: the data has no ratings.
        """
        config, ratings = self.config, rating_matrix(split).astype(np.float64)
        users, items = ratings.tocoo().coords
        n_users = np.bincount(users, minlength=split.n_users)[:, None]
        n_items = np.bincount(items, minlength=split.n_items)[:, None]
        p, q = (self._drawn(n, generator) for n in ratings.shape)
        for _ in range(config.epochs):
            predicted = csr_array(
                (np.einsum("nf,nf->n", p[users], q[items]), ratings.indices, ratings.indptr), shape=ratings.shape
            )
            of_users = quotient(ratings @ q, predicted @ q + config.user_reg * n_users * p)
            of_items = quotient(ratings.T @ p, predicted.T @ p + config.item_reg * n_items * q)
            p, q = p * of_users, q * of_items
        mean = ratings.data.mean()
        self.take(
            np.hstack([p, np.full(n_users.shape, mean), -mean * (n_users > 0)]),
            np.hstack([q, np.ones_like(n_items), n_items > 0]),
        )

    def _drawn(self, n: int, generator: Generator) -> Array:
        """(n, factors) float64."""
        low, high = self.config.init_low, self.config.init_high
        drawn: Array = torch.rand(n, self.config.factors, generator=generator, dtype=torch.float64).numpy()
        return low + (high - low) * drawn
