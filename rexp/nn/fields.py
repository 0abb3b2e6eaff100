"""Fields: the ids and features of users, items and contexts, as one vector each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from rexp.errors import ConfigError
from rexp.nn.embedding import Init, embedding_table
from rexp.nn.feature_embedding import FeatureList, chosen_features, feature_table, read_values

if TYPE_CHECKING:
    from rexp.data.query import DataSpec, Query
    from rexp.data.types import Feature


class FieldEmbeddings(nn.Module):
    """A vector of each field: of the ids, and of every feature of user, item and context that is read.

    Each field has a table of its own (:func:`rexp.nn.feature_embedding.read_values`). Fields of one side lie together:
    users and contexts before items, ids before features.

    Args:
        spec: of the data.
        dim: size of the vectors.
        init: of the tables.
        use_features: names of the features that are read; None takes all.
        use_user_id, use_item_id: read a vector of the id.

    Raises:
        ConfigError: a feature that the data does not have; or one side has nothing to read.
    """

    def __init__(
        self,
        spec: DataSpec,
        dim: int,
        init: Init,
        *,
        use_features: Sequence[str] | None = None,
        use_user_id: bool = True,
        use_item_id: bool = True,
    ) -> None:
        super().__init__()
        self.user_names, self.item_names = field_names(spec, use_features, use_user_id, use_item_id)
        of_user = chosen_features(spec.features, use_features, "user")
        of_item = chosen_features(spec.features, use_features, "item")
        self.contexts = chosen_features(spec.features, use_features, "context")
        self.users = embedding_table(spec.n_users, dim, init) if use_user_id else None
        self.user_features = FeatureList(of_user, spec.n_users, dim, init)
        self.context_tables = nn.ModuleList(feature_table(one, dim, init) for one in self.contexts.values())
        self.items = embedding_table(spec.n_items, dim, init) if use_item_id else None
        self.item_features = FeatureList(of_item, spec.n_items, dim, init)
        self.dim, self.n_items = dim, spec.n_items

    @property
    def names(self) -> list[str]:
        """Of the fields, in their order: ``user``, ``item``, or the feature's."""
        return [*self.user_names, *self.item_names]

    @property
    def reads_features(self) -> bool:
        """Whether :meth:`bind` must be called."""
        return bool(self.user_features.names or self.item_features.names)

    @property
    def reads_context(self) -> bool:
        """Whether queries must have features."""
        return bool(self.contexts)

    def tables(self) -> list[Any]:
        """The fields' tables, in the order of :attr:`names`."""
        ids = [[] if table is None else [table] for table in (self.users, self.items)]
        sides = [[part.table for part in side.features] for side in (self.user_features, self.item_features)]
        return [*ids[0], *sides[0], *self.context_tables, *ids[1], *sides[1]]

    def bind(self, features: Mapping[str, Feature]) -> None:
        """Take the values of users' and items' features (``split.features()``)."""
        self.user_features.bind(features)
        self.item_features.bind(features)

    def user_side(self, query: Query) -> Tensor:
        """(B, F, D): the fields of users and contexts."""
        vectors: list[Tensor] = [] if self.users is None else [self.users(query.users)]
        vectors += self.user_features.vectors(query.users)
        vectors += [
            read_values(spec.kind, table, _values(query, name))  # type: ignore[arg-type]
            for (name, spec), table in zip(self.contexts.items(), self.context_tables, strict=True)
        ]
        return torch.stack(vectors, 1)

    def item_side(self, items: Tensor) -> Tensor:
        """(..., F, D): the fields of ``items`` (...)."""
        flat = items.reshape(-1)
        vectors: list[Tensor] = [] if self.items is None else [self.items(flat)]
        vectors += self.item_features.vectors(flat)
        fields = torch.stack(vectors, 1)
        return fields.view(*items.shape, *fields.shape[1:])

    def catalog(self) -> Tensor:
        """(I, F, D): the fields of all items."""
        device = next(iter(self.state_dict().values())).device
        return self.item_side(torch.arange(self.n_items, device=device))

    def forward(self, query: Query, items: Tensor) -> Tensor:
        """(B, K, F, D): all fields for ``items`` (B, K), or (B,), which is K = 1; a user's are computed once."""
        of_items = self.item_side(items if items.dim() == 2 else items.unsqueeze(1))
        of_users = self.user_side(query).unsqueeze(1).expand(-1, of_items.shape[1], -1, -1)
        return torch.cat([of_users, of_items], 2)


def field_names(
    spec: DataSpec, use_features: Sequence[str] | None, use_user_id: bool, use_item_id: bool
) -> tuple[list[str], list[str]]:
    """The fields of users and contexts, and those of items, for the options of :class:`FieldEmbeddings`.

    Raises:
        ConfigError: a feature that the data does not have; or one side has nothing to read.
    """
    user, context, item = (chosen_features(spec.features, use_features, side) for side in ("user", "context", "item"))
    sides = {"user": ["user"] * use_user_id + [*user, *context], "item": ["item"] * use_item_id + [*item]}
    for side, names in sides.items():
        if not names:
            raise ConfigError(
                f"nothing of the {side} is read: take model.use_{side}_id=true, or features of the {side} "
                "(model.use_features)"
            )
    return sides["user"], sides["item"]


def _values(query: Query, name: str) -> Tensor:
    """The context's values of one feature."""
    if name not in query.features:
        raise ConfigError(
            f"the model reads the context '{name}', which this query does not have; ask with the context of each row, "
            "or leave it out of model.use_features"
        )
    return query.features[name]
