"""EASE: a linear autoencoder in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from scipy.linalg.lapack import dpotrf, dpotri
from torch import Generator, Tensor
from torch.nn import functional as F  # noqa: N812

from rexp.api import Capability, DataSpec, Query, RecommenderModule
from rexp.errors import RunError
from rexp.models._gram import check_size, gram
from rexp.models._item_item import pick
from rexp.nn.sparse import SparseMatrix, dense, interaction_matrix

if TYPE_CHECKING:
    from rexp.data.split import Split

Array = np.ndarray[Any, Any]
BYTES_PER_PAIR = 12
"""Of items: the inverse in float64 and the weights in float32."""


@dataclass(frozen=True)
class EASEConfig:
    """Options of :class:`EASE`.

    Args:
        l2: strength of the penalty on the weights.
        max_bytes: refuse a catalogue whose dense matrices would take more memory: 12 bytes for every pair of items.
    """

    l2: float = 250.0
    max_bytes: int = 8 * 2**30

    def __post_init__(self) -> None:
        if self.l2 <= 0:
            raise ValueError(f"l2={self.l2} must be above 0")
        if self.max_bytes < 1:
            raise ValueError(f"max_bytes={self.max_bytes} must be 1 or more")


class EASE(RecommenderModule):
    """Every item from all others by ridge regression at once (Steck: Embarrassingly shallow autoencoders for sparse
    data, WWW 2019): with P the inverse of ``X'X + l2``, the weight of i in j is ``-P_ij / P_jj``, and 0 for i = j.

    Raises:
        ConfigError: the catalogue is larger than ``max_bytes`` allows.
    """

    Config: ClassVar[type] = EASEConfig
    weights: Tensor

    def __init__(self, config: EASEConfig, spec: DataSpec) -> None:
        super().__init__()
        check_size("ease", spec.n_items, BYTES_PER_PAIR, config.max_bytes)
        self.config = config
        self.interactions = SparseMatrix(spec.n_users, spec.n_items, persistent=False)
        self.register_buffer("weights", torch.zeros(spec.n_items, spec.n_items))

    def capabilities(self) -> frozenset[Capability]:
        """Closed form."""
        return frozenset({Capability.CLOSED_FORM, Capability.SCORES_ALL_ITEMS, Capability.NEEDS_TRAIN_DATA})

    def bind(self, split: Split) -> None:
        """Take the users' training items."""
        self.interactions.assign(interaction_matrix(split))

    def fit(self, split: Split, generator: Generator) -> None:
        """Solve; nothing is drawn."""
        matrix = gram(interaction_matrix(split))
        matrix[np.diag_indices_from(matrix)] += self.config.l2
        inverse = inverse_of(matrix)
        inverse /= -np.diag(inverse).copy()  # every column by its own diagonal element
        np.fill_diagonal(inverse, 0)
        self.weights.copy_(torch.from_numpy(inverse))

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Scores of ``items`` (B,) or (B, K), in their shape."""
        return pick(self.score_all, query, items)

    def score_all(self, query: Query) -> Tensor:
        """(B, I) scores of the whole catalogue."""
        profiles = self.interactions.scipy()[query.users.cpu().numpy()]
        if self.weights.device.type != "cpu":
            return dense(profiles, self.weights) @ self.weights
        # Users hold few items: of a dense product nearly all factors would be 0. This sum takes half of scipy's time.
        items, starts = (torch.from_numpy(part.astype(np.int64)) for part in (profiles.indices, profiles.indptr))
        return F.embedding_bag(items, self.weights, starts, mode="sum", include_last_offset=True)


def inverse_of(matrix: Array) -> Array:
    """The inverse of a positive definite matrix, in its place, by way of its Cholesky factor.

    Args:
        matrix: (n, n) float64, ordered by row; it is written over.

    Raises:
        RunError: it is not positive definite.
    """
    # LAPACK reads columns: its lower half is the upper one here. A symmetric matrix is the same read either way.
    factor, failed = dpotrf(matrix.T, lower=True, overwrite_a=True)
    if failed:
        raise RunError("the Gram matrix cannot be inverted; raise model.l2")
    half, _ = dpotri(factor, lower=True, overwrite_c=True)
    inverse: Array = half.T
    for row in range(len(inverse)):
        inverse[row + 1 :, row] = inverse[row, row + 1 :]
    return inverse
