"""ANN search that filters seen items and over-fetches so that lists stay full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from rexp.errors import RunError
from rexp.plugins.faults import check_shape, owner

if TYPE_CHECKING:
    from rexp.api import Retriever
    from rexp.evaluate.user_items import UserItems

Array = np.ndarray[Any, Any]

TOGETHER = 64
"""Users whose lists are fetched together, at most: those who have seen about equally many items."""


class FilteredSearch:
    """Searches an index of a catalogue. It works in numpy as FAISS does: for one user at a time that is faster.

    Args:
        retriever: built over the vectors of ``catalogue``, in its order.
        catalogue: (C,) int64 items.
        seen: items that are never found for their user; those outside the catalogue do no harm.
    """

    def __init__(self, retriever: Retriever, catalogue: Tensor, seen: UserItems) -> None:
        self.retriever, self.catalogue = retriever, catalogue.cpu().numpy()
        self.starts, self.seen, self.n_items = seen.offsets.cpu().numpy(), seen.items.cpu().numpy(), seen.n_items

    def find(self, users: Tensor, queries: Tensor, n: int) -> Tensor:
        """The ``n`` best unseen items of each user, as far as the index finds them.

        As many more are fetched as the user has seen, rounded up to a power of two; where that does not do, twice as
        many again, until there are ``n`` or the index has no more. How many does not depend on the other users: an
        approximate index finds other items in a longer search.

        Args:
            users: (B,) int64.
            queries: (B, D), the users' vectors.
            n: length of the lists.

        Returns:
            (B, n) int64, best first, -1 behind where fewer are left.
        """
        own, vectors = users.cpu().numpy(), queries.float().cpu().numpy()
        lengths = n + at_least(self.starts[own + 1] - self.starts[own])
        found = np.full((len(own), n), -1, np.int64)
        for length in np.unique(lengths):
            alike = np.flatnonzero(lengths == length)
            for start in range(0, len(alike), TOGETHER):
                rows, fetched = alike[start : start + TOGETHER], int(length)
                while len(rows):
                    found[rows] = self._fetch(own[rows], vectors[rows], n, min(fetched, len(self.catalogue)))
                    if fetched >= len(self.catalogue):
                        break
                    rows, fetched = rows[found[rows, -1] < 0], 2 * fetched
        return torch.from_numpy(found).to(users.device)

    def _fetch(self, users: Array, vectors: Array, n: int, fetched: int) -> Array:
        """(B, n): the first unseen of the ``fetched`` nearest, -1 behind them."""
        _, places = self.retriever.search(vectors, fetched)
        check_shape(self.retriever, "items found", places.shape, (len(vectors), fetched))
        if places.dtype.kind not in "iu":
            raise RunError(
                f"{owner(self.retriever)} gives items of the type {places.dtype}, not whole numbers (rexp.api)"
            )
        items = np.where(places < 0, -1, self.catalogue[places])
        unseen = (items >= 0) & ~self._has_seen(users, items)
        first = np.argsort(~unseen, axis=1, kind="stable")[:, :n]  # stable, so that the best stay in front
        chosen = np.where(np.take_along_axis(unseen, first, 1), np.take_along_axis(items, first, 1), -1)
        return np.pad(chosen, ((0, 0), (0, n - chosen.shape[1])), constant_values=-1) if fetched < n else chosen

    def _has_seen(self, users: Array, items: Array) -> Array:
        """(B, K) bool: whether ``items`` (B, K) are among what their user has seen."""
        own = [self.seen[self.starts[user] : self.starts[user + 1]] for user in users]
        rows = np.repeat(np.arange(len(users)), [len(seen) for seen in own])
        known = rows * self.n_items + np.concatenate(own)
        if len(known) == 0:
            return np.zeros(items.shape, bool)
        wanted = np.arange(len(users))[:, None] * self.n_items + items
        nearest = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        return np.asarray(known[nearest] == wanted)


def at_least(counts: Array) -> Array:
    """The next power of two of each count; 0 of 0.

    >>> at_least(np.array([0, 1, 2, 3, 64, 65])).tolist()
    [0, 1, 2, 4, 64, 128]
    """
    powers = np.exp2(np.ceil(np.log2(np.maximum(counts, 1)))).astype(np.int64)
    return np.where(counts > 0, powers, 0)
