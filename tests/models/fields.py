"""Data with features of every kind, and a context, for models over fields."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rexp.api import Capability, DataSpec, FeatureSpec, Query, Split
from rexp.plugins import registry
from rexp.testing.tiny_split import tiny_split

from .helpers import shaken

if TYPE_CHECKING:
    from rexp.nn.fields import FieldEmbeddings

CONTEXT = {
    "context.hour": FeatureSpec("context", "category", 5),
    "context.tags": FeatureSpec("context", "set", 4),
    "context.load": FeatureSpec("context", "number", 0),
}


@dataclass(frozen=True)
class FieldData:
    """A split with features of users and items, a spec that has a context too, and a query that brings it."""

    split: Split
    spec: DataSpec
    query: Query

    def model(self, name: str, dtype: torch.dtype = torch.float64, **options: Any) -> Any:
        """A built-in model with its values bound and every parameter drawn anew."""
        model_class: Any = registry.load("model", name)
        torch.manual_seed(0)
        model = model_class(model_class.Config(**options), self.spec)
        if Capability.NEEDS_TRAIN_DATA in model.capabilities():
            model.bind(self.split)
        return shaken(model, dtype=dtype)

    @property
    def catalog(self) -> Tensor:
        """(B, I) all items, for each row of the query."""
        return torch.arange(self.split.n_items).expand(len(self.query.users), -1)


def field_data(folder: Path) -> FieldData:
    split = tiny_split(folder)
    spec = replace(split.spec, features={**split.spec.features, **CONTEXT})
    generator = torch.Generator().manual_seed(0)
    users = torch.randint(split.n_users, (6,), generator=generator)
    features = {
        "context.hour": torch.tensor([0, 1, 4, 2, 2, 3]),
        "context.tags": torch.tensor([[1, 3], [2, 0], [0, 0], [1, 2], [3, 0], [2, 3]]),
        "context.load": torch.randn(6, generator=generator),
    }
    return FieldData(split, spec, Query(users, features=features))


def vector_of(fields: FieldEmbeddings, data: FieldData, name: str, row: int, item: int) -> Tensor:
    """(D,) the vector of one field, read by hand from the tables."""
    users, items, values = data.query.users, data.split.features(), data.query.features
    if name == "user":
        assert fields.users is not None
        return fields.users.rows()[users[row]]
    if name == "item":
        assert fields.items is not None
        return fields.items.rows()[item]
    if name.startswith("context."):
        table = fields.context_tables[list(fields.contexts).index(name)]
        value: Any = values[name][row].tolist()
    else:
        side = fields.user_features if name.startswith("user.") else fields.item_features
        table = side.features[side.names.index(name)].table  # type: ignore[assignment]
        value = items[name].values[int(users[row]) if name.startswith("user.") else item].tolist()
    rows: Tensor = table.rows()  # type: ignore[operator]
    kind = data.spec.features[name].kind
    if kind == "set":
        known = [code for code in value if code]
        return sum((rows[code] for code in known), torch.zeros(rows.shape[1], dtype=rows.dtype)) / max(1, len(known))
    if kind == "vector":
        return torch.tensor(value, dtype=rows.dtype) @ rows
    return rows[value] if kind == "category" else value * rows[0]


def vectors_of(fields: FieldEmbeddings, data: FieldData, row: int, item: int) -> list[Tensor]:
    """The vectors of all fields of a row and an item."""
    return [vector_of(fields, data, name, row, item) for name in fields.names]
