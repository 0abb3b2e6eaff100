"""A model's scores of a block of users, by the fastest way it states to have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rexp.api import Capability, Query
from rexp.api.model import HISTORY_LENGTH
from rexp.errors import RunError
from rexp.plugins.faults import check_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexp.data.split import Split
    from rexp.data.types import Part

BYTES_A_PAIR = 1024
"""What one (user, item) pair may cost inside a model that scores pairs: 256 activations."""


def pairs_in(block_bytes: int) -> int:
    """Number of (user, item) pairs scored at once."""
    return max(1, block_bytes // BYTES_A_PAIR)


class Scorer:
    """Scores blocks of users of one split with one model.

    Args:
        model: the model, in evaluation mode.
        split: gives the queries.
        parts: what a sequential model may see.
        device: where the model is.
        block_bytes: bound on what is held at once.
    """

    def __init__(self, model: Any, split: Split, parts: Sequence[Part], device: torch.device, block_bytes: int) -> None:
        self.model, self.split, self.device = model, split, device
        self.shown, self.block_bytes = parts, block_bytes
        self.pairs = pairs_in(block_bytes)
        self.capabilities = model.capabilities()
        sequential = Capability.SEQUENTIAL in self.capabilities
        self.parts = parts if sequential else []  # without parts a query is built without a history
        self.history_length = HISTORY_LENGTH.of(model) if sequential else None
        self._item_vectors: Tensor | None = None

    def of(self, model: Any) -> Scorer:
        """The same for another model."""
        return Scorer(model, self.split, self.shown, self.device, self.block_bytes)

    def query(self, users: Tensor) -> Query:
        """The query of ``users`` (B,): nothing later than the parts that the protocol shows."""
        query = self.split.query(users.cpu(), self.parts, self.history_length)
        history = None if query.history is None else query.history.to(self.device)
        features = {name: feature.to(self.device) for name, feature in query.features.items()}
        return Query(query.users.to(self.device), history, features)

    def catalogue(self, users: Tensor) -> Tensor:
        """(B, n_items) scores of every item, not shared with the model: the caller may write into them."""
        query = self.query(users)
        if Capability.SCORES_ALL_ITEMS in self.capabilities:
            scores = self.model.score_all(query)
            check_shape(self.model, "scores of the catalogue", scores.shape, (len(users), self.split.n_items))
            return _ours(scores)
        if Capability.DOT_PRODUCT in self.capabilities:
            if self._item_vectors is None:
                vectors = self.model.item_embeddings()
                check_shape(self.model, "vectors of items", vectors.shape, (self.split.n_items, vectors.shape[-1]))
                self._item_vectors = vectors.T
            vectors = self.model.user_embeddings(query)
            check_shape(self.model, "vectors of users", vectors.shape, (len(users), len(self._item_vectors)))
            return _floating(vectors @ self._item_vectors)
        width = max(1, self.pairs // len(users))
        items = torch.arange(self.split.n_items, device=self.device).expand(len(users), -1)
        blocks = [self._scores(query, block) for block in torch.split(items, width, dim=1)]
        return torch.cat([_floating(block) for block in blocks], dim=1)

    def pairs_of(self, users: Tensor, items: Tensor) -> Tensor:
        """Scores of ``items`` (B,) or (B, K) for ``users`` (B,), in the shape of ``items``."""
        return _ours(self._scores(self.query(users), items))

    def _scores(self, query: Query, items: Tensor) -> Tensor:
        scores: Tensor = self.model.score(query, items)
        check_shape(self.model, "scores", scores.shape, items.shape)
        return scores

    def reject_nan(self, scores: Tensor, users: Tensor) -> None:
        """Stop at NaN among scores (B, ...): comparisons with it are all false, so it would rank anywhere.

        Raises:
            RunError: naming the model and the first such user.
        """
        if not bool(scores.sum().isnan()):  # the usual case, at a fraction of the cost
            return
        bad = scores.isnan().reshape(len(users), -1).any(1)
        if bool(bad.any()):
            user = self.split.user_name(int(users[bad][0]))
            raise RunError(
                f"{type(self.model).__name__} gives NaN scores (first: {user}); "
                "nothing can be ranked: look at the training loss, or try a smaller learning rate"
            )


def _floating(scores: Tensor) -> Tensor:
    """Half precision as float32, which all operations on scores have; float64 keeps its digits."""
    return scores if scores.dtype in (torch.float32, torch.float64) else scores.float()


def _ours(scores: Tensor) -> Tensor:
    """A copy, unless converting made one already."""
    floating = _floating(scores)
    return floating.clone() if floating is scores else floating
