"""A model's scores of a block of users, by the fastest way it states to have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rexp.api import Capability, Query
from rexp.api.model import HISTORY_LENGTH
from rexp.errors import RunError
from rexp.evaluate.list_contexts import features_on
from rexp.plugins.faults import check_shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        self.reads_context = bool(split.contexts) and Capability.READS_CONTEXT in self.capabilities
        self._latest: dict[str, Tensor] | None = None
        self._item_vectors: Tensor | None = None

    def of(self, model: Any) -> Scorer:
        """The same for another model."""
        return Scorer(model, self.split, self.shown, self.device, self.block_bytes)

    def query(self, users: Tensor, features: Mapping[str, Tensor] | None = None) -> Query:
        """The query of ``users`` (B,): nothing later than the parts that the protocol shows.

        Args:
            users: whom to recommend to.
            features: their contexts; None takes that of each one's last training row, for a model that reads contexts.
        """
        query = self.split.query(users.cpu(), self.parts, self.history_length)
        history = None if query.history is None else query.history.to(self.device)
        return Query(query.users.to(self.device), history, self._features(users, features))

    def _features(self, users: Tensor, given: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
        if not self.reads_context:
            return {}
        if given is not None:
            return {name: values.to(self.device) for name, values in given.items()}
        if self._latest is None:
            self._latest = features_on(self.split.train.latest_context(self.split.n_users), self.device)
        return {name: values[users.to(self.device)] for name, values in self._latest.items()}

    def catalogue(self, users: Tensor, features: Mapping[str, Tensor] | None = None) -> Tensor:
        """(B, n_items) scores of every item, in contexts as :meth:`query` has them; not shared with the model: the
        caller may write into them."""
        query = self.query(users, features)
        if Capability.DOT_PRODUCT in self.capabilities:  # first: the items' side is computed once for all users
            if self._item_vectors is None:
                vectors = self.model.item_embeddings()
                check_shape(self.model, "vectors of items", vectors.shape, (self.split.n_items, vectors.shape[-1]))
                self._item_vectors = vectors.T
            vectors = self.model.user_embeddings(query)
            check_shape(self.model, "vectors of users", vectors.shape, (len(users), len(self._item_vectors)))
            return _floating(vectors @ self._item_vectors)
        if Capability.SCORES_ALL_ITEMS in self.capabilities:
            scores = self.model.score_all(query)
            check_shape(self.model, "scores of the catalogue", scores.shape, (len(users), self.split.n_items))
            return _ours(scores)
        width = max(1, self.pairs // len(users))
        items = torch.arange(self.split.n_items, device=self.device).expand(len(users), -1)
        blocks = [self._scores(query, block) for block in torch.split(items, width, dim=1)]
        return torch.cat([_floating(block) for block in blocks], dim=1)

    def pairs_of(self, users: Tensor, items: Tensor, features: Mapping[str, Tensor] | None = None) -> Tensor:
        """Scores of ``items`` (B,) or (B, K) for ``users`` (B,), in the shape of ``items``, in contexts as
        :meth:`query` has them."""
        return _ours(self._scores(self.query(users, features), items))

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
    """A contiguous copy, unless converting made one already."""
    floating = _floating(scores)
    copied = floating.clone(memory_format=torch.contiguous_format) if floating is scores else floating
    return copied.contiguous()
