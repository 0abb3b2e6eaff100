"""Rating prediction: a baseline, and what neighbors differ from theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor, nn

from rexp.errors import ConfigError
from rexp.models._quotient import quotient
from rexp.nn.sparse import SparseMatrix

if TYPE_CHECKING:
    from rexp.api import DataSpec
    from rexp.data.split import Split

Array = np.ndarray[Any, Any]


def rating_matrix(split: Split) -> csr_array:
    """(n_users, n_items) float32 of the training ratings, a rating of 0 stored too; of an item rated again, the last.

    Raises:
        ConfigError: the data has no ratings.
    """
    train = split.train
    if train.ratings is None:
        raise ConfigError(f"'{split.name}' has no ratings, which this model reads; take data with ratings")
    keys = train.users.astype(np.int64) * split.n_items + train.items
    keys, last = np.unique(keys[::-1], return_index=True)
    ratings = np.array(train.ratings[::-1][last], np.float32)
    offsets = np.searchsorted(keys, np.arange(split.n_users + 1, dtype=np.int64) * split.n_items)
    return csr_array((ratings, keys % split.n_items, offsets), shape=(split.n_users, split.n_items))


class Ratings(nn.Module):
    """``b_ui = mu + b_u + b_i``, and every training rating's difference from it.

    Biases are means shrunk towards 0 (Koren, Factor in the neighbors, TKDD 2010, section 2.1): b_i of the ratings
    less mu and b_u, which begins at 0, then b_u of what remains; again and again, these are alternating least squares.

    Args:
        spec: of the data.
        item_damping, user_damping: ratings of 0 difference that every item and user is given beside its own.
        epochs: how often both are learned in turn.
    """

    overall: Tensor
    users: Tensor
    items: Tensor

    def __init__(self, spec: DataSpec, item_damping: float, user_damping: float, epochs: int = 1) -> None:
        super().__init__()
        self.damping = item_damping, user_damping
        self.epochs = epochs
        self.observed = SparseMatrix(spec.n_users, spec.n_items, persistent=False)
        self.register_buffer("overall", torch.zeros((), dtype=torch.float64))
        self.register_buffer("users", torch.zeros(spec.n_users))
        self.register_buffer("items", torch.zeros(spec.n_items))

    def bind(self, split: Split) -> None:
        """Take the training ratings."""
        self.observed.assign(rating_matrix(split))

    def fit(self) -> None:
        """Learn the biases from the ratings that were observed."""
        matrix = self.observed.scipy().tocoo()
        users, items = matrix.coords
        ratings = matrix.data.astype(np.float64)
        overall = ratings.mean()
        of_users = np.zeros(matrix.shape[0])
        for _ in range(self.epochs):
            of_items = _damped_mean(ratings - overall - of_users[users], items, matrix.shape[1], self.damping[0])
            of_users = _damped_mean(ratings - overall - of_items[items], users, matrix.shape[0], self.damping[1])
        self.overall.fill_(overall)
        self.items.copy_(torch.from_numpy(of_items))
        self.users.copy_(torch.from_numpy(of_users))

    def of(self, users: Tensor, items: Tensor) -> Tensor:
        """mu + b_u + b_i of users (B,) and items (B,) or (B, K), in the items' shape."""
        of_users = self.users[users].unsqueeze(1) if items.dim() == 2 else self.users[users]
        return (self.overall + of_users + self.items[items]).float()

    def baseline(self, users: Tensor) -> Tensor:
        """(B, I): mu + b_u + b_i of these users (B,) and all items."""
        return (self.overall + self.users[users].unsqueeze(1) + self.items).float()

    def residuals(self) -> csr_array:
        """(n_users, n_items): r_ui - b_ui of the training ratings, and nothing elsewhere."""
        matrix = self.observed.scipy().copy()
        users = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        biases = self.users.cpu().numpy()[users] + self.items.cpu().numpy()[matrix.indices]
        matrix.data -= biases + np.float32(self.overall.item())
        return matrix

    def rated(self) -> csr_array:
        """(n_users, n_items): 1 where there is a training rating."""
        matrix = self.observed.scipy().copy()
        matrix.data[:] = 1
        return matrix

    def predict(self, users: Tensor, differences: csr_array, weights: csr_array) -> Tensor:
        """(B, I): the baseline, and the neighbors' mean difference where there is a neighbor.

        Args:
            users: (B,).
            differences: (B, I), sums of similarity times the neighbor's residual.
            weights: (B, I), sums of the neighbors' |similarity|.
        """
        sums, total = differences.toarray(), weights.toarray()
        return self.baseline(users) + torch.from_numpy(quotient(sums, total)).to(users.device)


def _damped_mean(values: Array, groups: Array, n: int, damping: float) -> Array:
    counts = np.bincount(groups, minlength=n) + damping
    return np.bincount(groups, values, minlength=n) / np.where(counts > 0, counts, 1)
