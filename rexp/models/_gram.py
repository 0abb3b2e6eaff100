"""The Gram matrix of items: in how many users' rows two items stand together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rexp.errors import ConfigError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ROWS_AT_ONCE = 512
"""Rows that are multiplied at once; between them the product is sparse."""


def gram(matrix: csr_array) -> np.ndarray[Any, Any]:
    """``X'X`` (n_items, n_items) of a matrix (n_users, n_items), dense, in float64, ordered by row."""
    n_items = matrix.shape[1]
    by_item, by_user = matrix.T.tocsr().astype(np.float64), matrix.astype(np.float64)
    products = np.empty((n_items, n_items))
    for start in range(0, n_items, ROWS_AT_ONCE):
        (by_item[start : start + ROWS_AT_ONCE] @ by_user).toarray(out=products[start : start + ROWS_AT_ONCE])
    return products


def check_size(model: str, n_items: int, bytes_per_pair: int, max_bytes: int) -> None:
    """Refuse a catalogue too large for dense matrices before any time is spent on it.

    Raises:
        ConfigError: they would take more than ``max_bytes``.
    """
    needed = bytes_per_pair * n_items**2
    if needed > max_bytes:
        raise ConfigError(
            f"{model} needs {needed / 2**30:.1f} GiB for {n_items} items, and its max_bytes allows "
            f"{max_bytes / 2**30:.1f}; raise it, drop rare items (data.filter.item_core), or take itemknn or lightgcn "
            "(model=NAME, model@teacher=NAME)"
        )
