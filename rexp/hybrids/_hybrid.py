"""Base class of models that are made of the models of stored runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import torch
from torch import Tensor, nn

from rexp.api import Capability, DataSpec, Query, RecommenderModule
from rexp.api.model import HISTORY_LENGTH
from rexp.errors import ConfigError
from rexp.models._item_item import pick
from rexp.nn.sparse import SparseMatrix, interaction_matrix

if TYPE_CHECKING:
    from rexp.data.split import Split


class Hybrid(RecommenderModule):
    """Scores the whole catalog for each user by what its parts say of it.

    Parts are the models of the runs that ``model.runs`` names, in that order; they are trained no further, and their
    weights are written with the hybrid's own.

    Args:
        config: the options.
        spec: of the data.
    """

    fewest: ClassVar[int] = 2
    most: ClassVar[int | None] = None

    def __init__(self, config: Any, spec: DataSpec) -> None:
        super().__init__()
        self.config, self.n_items = config, spec.n_items
        self.parts = cast("Sequence[RecommenderModule]", nn.ModuleList())
        self.interactions = SparseMatrix(spec.n_users, spec.n_items, persistent=False)

    def take_parts(self, parts: Sequence[RecommenderModule]) -> None:
        """The models of the runs.

        Raises:
            ConfigError: they are fewer or more than the model takes.
        """
        if len(parts) < self.fewest or (self.most is not None and len(parts) > self.most):
            count = f"{self.fewest} or more" if self.most is None else f"{self.fewest}"
            raise ConfigError(f"model.runs={len(parts)} runs, and {type(self).__name__.lower()} takes {count}")
        for part in parts:
            part.requires_grad_(False).eval()
        self.parts = cast("Sequence[RecommenderModule]", nn.ModuleList(parts))
        lengths = [HISTORY_LENGTH.of(part) for part in self.parts if Capability.SEQUENTIAL in part.capabilities()]
        bounded = [length for length in lengths if length is not None]
        self.history_length = max(bounded, default=None) if len(bounded) == len(lengths) else None

    def capabilities(self) -> frozenset[Capability]:
        """Closed form; what one of the parts reads or knows."""
        of_parts = frozenset().union(*(part.capabilities() for part in self.parts))
        own = {Capability.CLOSED_FORM, Capability.SCORES_ALL_ITEMS, Capability.NEEDS_TRAIN_DATA}
        any_part = {Capability.SEQUENTIAL, Capability.READS_CONTEXT, Capability.COLD_ITEMS, Capability.COLD_USERS}
        return frozenset(own | (any_part & of_parts))

    def bind(self, split: Split) -> None:
        """Take the users' training items; the parts have seen theirs.

        Raises:
            ConfigError: it has no parts.
        """
        if not self.parts:
            name = type(self).__name__.lower()
            raise ConfigError(f"model={name} is made of stored runs: name them with model.runs=[RUN,RUN]")
        self.interactions.assign(interaction_matrix(split))

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Scores of ``items`` (B,) or (B, K), in their shape."""
        if not items.numel():
            return torch.zeros(items.shape, device=items.device)
        if len(torch.unique(query.users)) == len(query.users):
            return self.score_all(query).gather(1, items.view(len(items), -1)).view(items.shape)
        if query.history is None and not query.features:
            return pick(self.score_all, query, items)
        return self.score_all(query).gather(1, items.view(len(items), -1)).view(items.shape)

    def train(self, mode: bool = True) -> Hybrid:
        """As every module's; the parts stay in evaluation mode."""
        super().train(mode)
        for part in self.parts:
            part.eval()
        return self

    def scores_of_parts(self, query: Query) -> list[Tensor]:
        """(B, I) float32 scores of each part."""
        return [_catalog(part, _of(part, query), self.n_items).float() for part in self.parts]

    def untaken(self, query: Query) -> Tensor:
        """(B, I) bool: what the user did not take in training."""
        taken = torch.from_numpy(self.interactions.scipy()[query.users.cpu().numpy()].toarray())
        return (taken == 0).to(query.users.device)


def _catalog(model: RecommenderModule, query: Query, n_items: int) -> Tensor:
    """(B, I) scores, by the fastest way that the model states to have."""
    can = model.capabilities()
    if Capability.SCORES_ALL_ITEMS in can:
        return model.score_all(query)
    if Capability.DOT_PRODUCT in can:
        return model.user_embeddings(query) @ model.item_embeddings().T
    return model.score(query, torch.arange(n_items, device=query.users.device).expand(len(query.users), -1))


def _of(model: RecommenderModule, query: Query) -> Query:
    """The query as a part may read it: its own length of history, or none."""
    if query.history is None:
        return query
    if Capability.SEQUENTIAL not in model.capabilities():
        return replace(query, history=None)
    length = HISTORY_LENGTH.of(model)
    return query if length is None else replace(query, history=query.history[:, -length:])
