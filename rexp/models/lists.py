"""Lists from a file: what any model in the world recommends, as a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Generator, Tensor

from rexp.api import Capability, DataSpec, Query, RecommenderModule, SparseMatrix
from rexp.models._item_item import pick
from rexp.models._score_file import read_scores

if TYPE_CHECKING:
    from rexp.data.split import Split


@dataclass(frozen=True)
class ListsConfig:
    """Options of :class:`Lists`.

    Args:
        scores: a file with the columns ``user``, ``item`` and ``score`` (:func:`rexp.models._score_file.read_scores`);
            what it holds is part of what a run is.
    """

    scores: str


class Lists(RecommenderModule):
    """Scores of the pairs of a file, -inf of all others, which are not recommended.

    A stored run has the scores among its weights and asks for the file no more.
    """

    Config: ClassVar[type] = ListsConfig

    def __init__(self, config: ListsConfig, spec: DataSpec) -> None:
        super().__init__()
        self.config = config
        self.lists = SparseMatrix(spec.n_users, spec.n_items)

    def capabilities(self) -> frozenset[Capability]:
        """Read, not trained; lists may hold cold items, and be of users without a training row."""
        return frozenset(
            {
                Capability.CLOSED_FORM,
                Capability.SCORES_ALL_ITEMS,
                Capability.LISTS_ONLY,
                Capability.COLD_ITEMS,
                Capability.COLD_USERS,
            }
        )

    def fit(self, split: Split, generator: Generator) -> None:
        """Read the file; nothing is drawn from the generator."""
        self.lists.assign(read_scores(self.config.scores, split))

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Scores of ``items`` (B,) or (B, K), in their shape; -inf of what is in no list."""
        return pick(self.score_all, query, items)

    def score_all(self, query: Query) -> Tensor:
        """(B, I) scores of the whole catalog; -inf of what is in no list."""
        first, end = self.lists.starts[query.users], self.lists.starts[query.users + 1]
        lengths = end - first
        rows = torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)
        # The places of each row's values: those behind its first, counted anew in every row.
        places = torch.arange(len(rows), device=lengths.device) + (first - (lengths.cumsum(0) - lengths))[rows]
        scores = self.lists.values.new_full((len(lengths), self.lists.shape[1]), -torch.inf)
        scores[rows, self.lists.columns[places].long()] = self.lists.values[places]
        return scores
