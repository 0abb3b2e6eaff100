"""GF-CF: collaborative filtering as a filter on the graph of items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from scipy.sparse import diags_array
from scipy.sparse.linalg import svds
from torch import Tensor

from rexp.api import Capability, DataSpec, Query, RecommenderModule
from rexp.models._item_item import pick
from rexp.nn.sparse import SparseMatrix, dense, interaction_matrix

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from torch import Generator

    from rexp.data.split import Split


@dataclass(frozen=True)
class GFCFConfig:
    """Options of :class:`GFCF`.

    Args:
        alpha: weight of the ideal low-pass filter; 0 leaves the linear one alone.
        factors: singular vectors of the ideal filter.
    """

    alpha: float = 0.3
    factors: int = 256

    def __post_init__(self) -> None:
        if self.alpha < 0 or self.factors < 1:
            raise ValueError(f"alpha={self.alpha} must not be negative, factors={self.factors} must be 1 or more")


class GFCF(RecommenderModule):
    """``R (Rn^T Rn + alpha D^-1/2 V V^T D^1/2)`` (Shen et al., How Powerful is Graph Convolution, CIKM 2021).

    R is the 0/1 matrix, D holds the items' degrees, Rn is R divided by the roots of both degrees, V its first right
    singular vectors. V alone is learned; the linear filter is multiplied out of the training part, user by user, so
    that no matrix of items by items is made.
    """

    Config: ClassVar[type] = GFCFConfig
    vectors: Tensor
    roots: Tensor

    def __init__(self, config: GFCFConfig, spec: DataSpec) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("vectors", torch.zeros(spec.n_items, config.factors))
        self.interactions = SparseMatrix(spec.n_users, spec.n_items, persistent=False)
        self.normalized = SparseMatrix(spec.n_users, spec.n_items, persistent=False)
        self.transposed = SparseMatrix(spec.n_items, spec.n_users, persistent=False)
        self.register_buffer("roots", torch.zeros(spec.n_items), persistent=False)

    def capabilities(self) -> frozenset[Capability]:
        """Closed form."""
        return frozenset({Capability.CLOSED_FORM, Capability.SCORES_ALL_ITEMS, Capability.NEEDS_TRAIN_DATA})

    def bind(self, split: Split) -> None:
        """Take the graph."""
        matrix = interaction_matrix(split)
        normalized, roots = normalize(matrix)
        self.interactions.assign(matrix)
        self.normalized.assign(normalized)
        self.transposed.assign(normalized.T)
        self.roots.copy_(torch.from_numpy(roots))

    def fit(self, split: Split, generator: Generator) -> None:
        """The first singular vectors of the normalized graph; the generator seeds the solver's start."""
        matrix = normalize(interaction_matrix(split))[0].astype(np.float64)
        factors = min(self.config.factors, min(matrix.shape) - 1)
        start = torch.rand(min(matrix.shape), generator=generator, dtype=torch.float64).numpy()
        _, _, right = svds(matrix, factors, v0=start)
        self.vectors.zero_()
        self.vectors[:, :factors] = torch.from_numpy(right.T.astype(np.float32).copy())

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Scores of ``items`` (B,) or (B, K), in their shape."""
        return pick(self.score_all, query, items)

    def score_all(self, query: Query) -> Tensor:
        """(B, I) scores of the whole catalogue."""
        profiles = self.interactions.scipy()[query.users.cpu().numpy()]
        # From the left: a few items, then the users who took them, then their items; nearly all stays empty.
        linear = dense(profiles @ self.transposed.scipy() @ self.normalized.scipy(), query.users)
        inverse = torch.where(self.roots > 0, 1 / self.roots.clamp(min=1), 0.0)
        taken = dense(profiles, query.users) * inverse
        return linear + self.config.alpha * ((taken @ self.vectors) @ self.vectors.T) * self.roots


def normalize(matrix: csr_array) -> tuple[csr_array, np.ndarray]:
    """A 0/1 matrix divided by the roots of its row and column sums, and the roots of the column sums (float32)."""
    rows, columns = (np.sqrt(matrix.sum(axis=axis), dtype=np.float64) for axis in (1, 0))
    inverse = [np.divide(1.0, roots, out=np.zeros_like(roots), where=roots > 0) for roots in (rows, columns)]
    return (diags_array(inverse[0]) @ matrix @ diags_array(inverse[1])).tocsr(), columns.astype(np.float32)
