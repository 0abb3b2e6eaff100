"""Candidates from an index without what the user has seen, and no fewer for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    import numpy as np

    from rexp.evaluate.user_items import UserItems

TOGETHER = 64
"""Users whose lists are fetched at one length: those who have seen about equally many items stand together."""


class Finder:
    """Searches an index of a catalogue.

    Args:
        retriever: built over the vectors of ``catalogue``, in its order.
        catalogue: (C,) int64 items.
        seen: items that are never found for their user; those outside the catalogue do no harm.
    """

    def __init__(self, retriever: Any, catalogue: Tensor, seen: UserItems) -> None:
        self.retriever, self.catalogue, self.seen = retriever, catalogue, seen

    def find(self, users: Tensor, queries: Tensor, n: int) -> Tensor:
        """The ``n`` best unseen items of each user, as far as the index finds them.

        As many more are fetched as the user has seen; where that does not do, twice as many again, until there are
        ``n`` or the index has no more.

        Args:
            users: (B,) int64.
            queries: (B, D), the users' vectors.
            n: length of the lists.

        Returns:
            (B, n) int64, best first, -1 behind where fewer are left.
        """
        vectors = queries.float().cpu().numpy()
        counts = self.seen.counts[users]
        order = counts.argsort(stable=True)
        found = torch.full((len(users), n), -1, dtype=torch.int64, device=users.device)
        for together in torch.split(order, TOGETHER):
            rows, fetched = together, n + int(counts[together].max())
            while len(rows):
                found[rows] = self._fetch(users[rows], vectors[rows.cpu().numpy()], n, fetched)
                if fetched >= len(self.catalogue):
                    break
                rows, fetched = rows[found[rows, -1] < 0], 2 * fetched
        return found

    def _fetch(self, users: Tensor, vectors: np.ndarray[Any, Any], n: int, fetched: int) -> Tensor:
        _, places = self.retriever.search(vectors, min(fetched, len(self.catalogue)))
        row = torch.from_numpy(places).to(users.device)
        items = torch.where(row < 0, -1, self.catalogue[row.clamp(min=0)])
        wanted = (items >= 0) & ~self.seen.contains(users, items)
        # A stable sort puts what is wanted in front and leaves its order.
        first = (~wanted).byte().argsort(dim=1, stable=True)[:, :n]
        chosen = torch.where(wanted.gather(1, first), items.gather(1, first), -1)
        return torch.nn.functional.pad(chosen, (0, n - chosen.shape[1]), value=-1)
