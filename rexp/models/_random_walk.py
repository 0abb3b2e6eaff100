"""Random walks of three steps on the graph of users and items, written as weights between items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.preprocessing import normalize as normalized

from rexp.models._similarity import strongest

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def walk_weights(interactions: csr_array, *, alpha: float, beta: float = 0.0, top_k: int, normalize: bool) -> csr_array:
    """How likely a walk from an item to a user and on to an item ends there; the first step, to an item that the user
    took, is the user's own row of ``interactions``.

    Args:
        interactions: (n_users, n_items) of 0 and 1.
        alpha: power of every step's probability (Cooper et al. 2014).
        beta: power of the popularity by which an item's weight is divided (Paudel et al. 2017, eq. 4).
        top_k: weights that are kept: of every row first, then, once normalized, of every column
            (as Ferrari Dacrema et al. tuned it).
        normalize: make every row sum to 1 after the first cut.

    Returns:
        (n_items, n_items) float32: row i holds the weights of the items that are reached from i; never i itself.
    """
    n_items = interactions.shape[1]
    to_item = _powers(normalized(interactions.astype(np.float64), "l1"), alpha)
    to_user = _powers(normalized(interactions.T.tocsr().astype(np.float64), "l1"), alpha)
    popularity = np.bincount(interactions.indices, minlength=n_items)
    discount = np.maximum(popularity, 1) ** -float(beta)

    weights = strongest(lambda start, end: (to_user[start:end] @ to_item).toarray() * discount, n_items, top_k)
    if normalize:
        weights = normalized(weights, "l1")
    columns = weights.T.tocsr()
    return strongest(lambda start, end: columns[start:end].toarray(), n_items, top_k).T


def _powers(matrix: Any, exponent: float) -> Any:
    matrix.data **= exponent
    return matrix
