"""Base class of sequential models."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import neg
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rexp.api import Capability, Query, RecommenderModule
from rexp.errors import ConfigError
from rexp.nn.dot import dot
from rexp.nn.embedding import Init, embedding_table
from rexp.nn.modalities import DescribedItems

if TYPE_CHECKING:
    from rexp.api import DataSpec
    from rexp.data.split import Split
    from rexp.nn.embedding import EmbeddingTable

AT_ONCE, POSITIONS = 32, 6400
"""Sequences that are encoded together: of like length, since padding costs as much as items do. More of one length,
which need no padding, up to so many positions."""


@dataclass(frozen=True)
class ItemOptions:
    """What is read of an item.

    Args:
        item_vectors: a column of the items, such as ``item.image`` or ``item.title``, whose vectors are projected and
            read beside the ids' (as UniSRec does with texts: Hou et al., KDD 2022); null reads ids alone.
        use_ids: read vectors of the ids, too; false reads ``item_vectors`` alone.
        width: directions that a column of words or tags is reduced to.
    """

    item_vectors: str | None = None
    use_ids: bool = True
    width: int = 200

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"width={self.width} must be 1 or more")
        if not self.use_ids and self.item_vectors is None:
            raise ValueError("use_ids=false leaves nothing to read; name item_vectors")

    def items(self, spec: DataSpec, dim: int) -> EmbeddingTable | DescribedItems:
        """The vectors of the items, of size ``dim``; those of ids start Glorot-normal."""
        init = Init("glorot_normal")
        if self.item_vectors is None:
            return embedding_table(spec.n_items, dim, init)
        return DescribedItems(self.item_vectors, spec, dim, self.width, init if self.use_ids else None)


class SequenceModel(RecommenderModule):
    """Scores items by the dot product of their vectors with the state after a history.

    A model of this form has a table ``items`` and, in :meth:`encode`, its own way from items to states. What it is
    given there lies at the left, and padding behind it, so that a model that looks only backwards never sees padding.

    Args:
        items: (I, D) vectors of the items, which are both read and scored.
        history_length: items of a history at most.
    """

    history_length: int

    def __init__(self, items: EmbeddingTable | DescribedItems, history_length: int) -> None:
        super().__init__()
        self.items, self.history_length = items, history_length

    def encode(self, items: Tensor, lengths: Tensor) -> Tensor:
        """(B, L, D) states after each of ``items`` (B, L); in a row the first ``lengths`` (B,) are no padding."""
        raise NotImplementedError

    def capabilities(self) -> frozenset[Capability]:
        """A dot product of what a history comes to with an item; with vectors of items it knows cold ones."""
        described = {Capability.NEEDS_TRAIN_DATA, Capability.COLD_ITEMS}
        return frozenset(
            {
                Capability.HAS_EMBEDDINGS,
                Capability.DOT_PRODUCT,
                Capability.SCORES_ALL_ITEMS,
                Capability.SEQUENTIAL,
                Capability.SCORES_SEQUENCES,
                *(described if isinstance(self.items, DescribedItems) else ()),
            }
        )

    def bind(self, split: Split) -> None:
        """Read the items' vectors."""
        assert isinstance(self.items, DescribedItems)
        self.items.bind(split)

    def user_embeddings(self, query: Query) -> Tensor:
        """(B, D): the state after the whole history; zeros where there is none."""
        history = _history(query)[:, -self.history_length :]
        if torch.compiler.is_compiling():  # groups of like length are no shapes that could be traced
            return self._all_at_once(history)
        vectors: Tensor | None = None
        for users, items, lengths in by_length(history):
            states = self.encode(items, lengths)
            last = states[torch.arange(len(users), device=states.device), lengths - 1]
            vectors = _zeros(last, (len(history), last.shape[1])) if vectors is None else vectors
            vectors = vectors.index_copy(0, users, last.to(vectors.dtype))
        if vectors is None:
            return self.items.rows().new_zeros(len(history), self.items.rows().shape[1])
        return vectors

    def _all_at_once(self, history: Tensor) -> Tensor:
        """(B, D): the same for all histories (B, L) together, padded to the longest that can be."""
        lengths, places = (history >= 0).sum(1), torch.arange(history.shape[1], device=history.device)
        moved = places + history.shape[1] - lengths.unsqueeze(1)
        items = history.gather(1, moved.clamp(max=history.shape[1] - 1))
        states = self.encode(items.masked_fill(places >= lengths.unsqueeze(1), 0), lengths)
        last = states[torch.arange(history.shape[0], device=states.device), (lengths - 1).clamp(min=0)]
        return last * (lengths > 0).unsqueeze(1)

    def item_embeddings(self) -> Tensor:
        """(I, D)."""
        return self.items.rows()

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Logits of ``items`` (B,) or (B, K) as the next one after the history."""
        return dot(self.user_embeddings(query), self.items(items))

    def score_all(self, query: Query) -> Tensor:
        """(B, I) logits of the whole catalogue."""
        return self.user_embeddings(query) @ self.item_embeddings().T

    def score_sequence(self, query: Query, items: Tensor) -> Tensor:
        """Logits of items (B, L, K) after each position of the history (B, L), 0 at padding."""
        history = _history(query)
        if history.shape[1] > self.history_length:
            raise ConfigError(
                f"a history of {history.shape[1]} items is longer than model.history_length={self.history_length}"
            )
        scores: Tensor | None = None
        for users, sequence, lengths in by_length(history):
            states = self.encode(sequence, lengths)
            real = torch.arange(sequence.shape[1], device=lengths.device) < lengths.unsqueeze(1)
            place = (history[users] >= 0).nonzero(as_tuple=True)  # row by row, oldest first, as `real` is
            wanted = self.items(items[users[place[0]], place[1]])
            found = dot(states[real], wanted)
            scores = _zeros(found, items.shape) if scores is None else scores
            scores = scores.index_put((users[place[0]], place[1]), found.to(scores.dtype))
        return self.items.rows().new_zeros(items.shape) if scores is None else scores


def _zeros(found: Tensor, shape: Sequence[int]) -> Tensor:
    """Zeros beside what was found, in full precision; all rows of a table, which know it too, may be long to make."""
    return found.new_zeros(shape, dtype=torch.promote_types(found.dtype, torch.float32))


def by_length(history: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Groups of histories of like length, without those that are empty.

    Args:
        history: (B, L) item ids, padded in front with -1.

    Yields:
        rows (G,) of ``history``; their items (G, l) moved to the left, padded behind with item 0; their lengths (G,).
    """
    lengths = (history >= 0).sum(1)
    order = lengths.argsort(descending=True, stable=True)
    sorted_lengths = lengths[order].tolist()
    for first, end in _groups(sorted_lengths):
        rows, longest = order[first:end], sorted_lengths[first]
        places = history.shape[1] - lengths[rows].unsqueeze(1) + torch.arange(longest, device=history.device)
        items = history[rows].gather(1, places.clamp(max=history.shape[1] - 1))
        beyond = torch.arange(longest, device=history.device) >= lengths[rows].unsqueeze(1)
        yield rows, items.masked_fill(beyond, 0), lengths[rows]


def _groups(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Where groups begin and end among lengths in descending order; those of 0 are in none.

    >>> list(_groups([50] * 130 + [49] * 3 + [0]))
    [(0, 128), (128, 133)]
    """
    end, n = 0, len(lengths) - lengths.count(0)
    while end < n:
        first, longest = end, lengths[end]
        same = bisect_right(lengths, -longest, key=neg)
        end = min(n, max(first + AT_ONCE, min(same, first + POSITIONS // longest)))
        yield first, end


def _history(query: Query) -> Tensor:
    if query.history is None:
        return torch.full((len(query.users), 1), -1, device=query.users.device)
    return query.history
