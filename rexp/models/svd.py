"""SVD of ratings: biases and vectors of users and items, learned rating by rating."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import torch

from rexp.api import Capability
from rexp.models._factor_model import Factors
from rexp.models._rating_baseline import Array, rating_matrix

if TYPE_CHECKING:
    from torch import Generator

    from rexp.api import DataSpec
    from rexp.data.split import Split


@dataclass(frozen=True)
class SVDConfig:
    """Options of :class:`SVD`; the defaults are those of Surprise.

    Args:
        factors: size of the vectors.
        epochs: passes over the training ratings.
        lr: step size.
        reg: penalty on biases and vectors, at every rating of theirs.
        init_std: deviation of the vectors' initial values; biases begin at 0.
        order: in which ratings are learned from, the same in every epoch: ``random``, drawn once; ``user``, one user
            after another as Surprise does, which is some ten times slower here.
    """

    factors: int = 100
    epochs: int = 20
    lr: float = 0.005
    reg: float = 0.02
    init_std: float = 0.1
    order: Literal["random", "user"] = "random"

    def __post_init__(self) -> None:
        if self.factors < 1 or self.epochs < 1:
            raise ValueError(f"factors={self.factors} and epochs={self.epochs} must be 1 or more")
        if self.lr <= 0 or self.reg < 0 or self.init_std < 0:
            raise ValueError(f"lr={self.lr} must be above 0, reg={self.reg} and init_std={self.init_std} not negative")


class SVD(Factors):
    """``mu + b_u + b_i + p_u · q_i`` (Funk 2006; Koren, Bell, Volinsky: Matrix factorization techniques, Computer
    2009), by stochastic gradient descent. At every rating, with e = r - prediction,

    ``b_u += lr (e - reg b_u)``, ``p_u += lr (e q_i - reg p_u)``, and so for b_i, q_i, all from the values before.

    Users and items without a training rating have no bias and no vector. The vectors here are ``[p_u, 1, mu + b_u]``
    and ``[q_i, b_i, 1]``, so that scores are dot products.
    """

    Config: ClassVar[type] = SVDConfig

    def __init__(self, config: SVDConfig, spec: DataSpec) -> None:
        super().__init__(spec, config.factors + 2)
        self.config = config

    def capabilities(self) -> frozenset[Capability]:
        """Closed form, and a dot product that is a rating."""
        return super().capabilities() | {Capability.PREDICTS_RATINGS}

    def fit(self, split: Split, generator: Generator) -> None:
        """Descend; the generator draws initial values and, where it is random, the order.

        Raises:
            ConfigError: the data has no ratings.
        """
        config, matrix = self.config, rating_matrix(split).tocoo()
        users, items = matrix.coords
        ratings = matrix.data.astype(np.float64)
        mean = ratings.mean()
        p = self._drawn(split.n_users, users, generator)
        q = self._drawn(split.n_items, items, generator)
        ones, biases = (config.factors, config.factors + 1)  # of users; of items the other way around
        p[:, ones] = q[:, biases] = 1
        step_p, step_q = np.full((2, config.factors + 2), config.lr)
        step_p[ones] = step_q[biases] = 0

        if config.order == "random":
            order = torch.randperm(len(ratings), generator=generator).numpy()
            users, items, ratings = users[order], items[order], ratings[order]
        groups = [(users[rows], items[rows], ratings[rows] - mean) for rows in independent(users, items)]
        for _ in range(config.epochs):
            for user, item, rating in groups:
                of_user, of_item = p[user], q[item]
                error = (rating - np.einsum("nf,nf->n", of_user, of_item))[:, None]
                p[user] += step_p * (error * of_item - config.reg * of_user)
                q[item] += step_q * (error * of_user - config.reg * of_item)
        p[:, biases] += mean
        self.take(p, q)

    def _drawn(self, n: int, rated: Array, generator: Generator) -> Array:
        """(n, factors + 2) float64: initial vectors of who or what was rated, beside columns of zeros."""
        vectors = np.zeros((n, self.config.factors + 2))
        rows = np.unique(rated)
        drawn = torch.randn(len(rows), self.config.factors, generator=generator, dtype=torch.float64)
        vectors[rows, : self.config.factors] = self.config.init_std * drawn.numpy()
        return vectors


def independent(users: Array, items: Array) -> list[Array]:
    """Groups of rows that may be learned at once, as if one after another.

    A row changes its user and its item alone. So it belongs into the group after the last one in which either stands
    before it, and all rows of a group have different users and items.

    Args:
        users, items: (N,) of the rows, in their order.

    Returns:
        row numbers of each group.

    >>> [rows.tolist() for rows in independent(np.array([0, 1, 0, 2]), np.array([0, 1, 1, 2]))]
    [[0, 1, 3], [2]]
    """
    of_user: dict[int, int] = {}
    of_item: dict[int, int] = {}
    groups = np.empty(len(users), np.int64)
    for row, (user, item) in enumerate(zip(users.tolist(), items.tolist(), strict=True)):
        group = max(of_user.get(user, 0), of_item.get(item, 0))
        groups[row] = group
        of_user[user] = of_item[item] = group + 1
    order = np.argsort(groups, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
