"""What is known of items beside their ids, as fixed vectors that a model projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from sklearn.preprocessing import normalize
from torch import Tensor, nn

from rexp.nn.content import ContentOptions, ItemContent
from rexp.nn.embedding import embedding_table, initialize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexp.data.query import DataSpec
    from rexp.data.split import Split
    from rexp.data.types import Array
    from rexp.nn.embedding import Init

SEED = 0
"""Of the solver that reduces words: what is read must not depend on the run."""


class Modality(nn.Module):
    """One column of the items: the fixed vectors of all, of which the mean of the training items is taken off, at
    length 1, and a linear map of them.

    Args:
        name: the feature or text, such as ``item.image``.
        spec: of the data.
        dim: size of what it is mapped to.
        width: directions that sets and texts are reduced to (:class:`rexp.nn.content.ContentOptions`).
    """

    values: Tensor
    known: Tensor

    def __init__(self, name: str, spec: DataSpec, dim: int, width: int) -> None:
        super().__init__()
        self.content = ItemContent(ContentOptions((name,), how="svd", dim=width), spec)
        feature = spec.features.get(name)
        size = feature.dim if feature is not None and feature.kind == "vector" else width
        self.map = nn.Linear(size, dim)
        initialize(self.map.weight, "glorot_uniform")
        nn.init.zeros_(self.map.bias)
        self.register_buffer("values", torch.zeros(spec.n_items, size), persistent=False)
        self.register_buffer("known", torch.zeros(spec.n_items, dtype=torch.bool), persistent=False)

    def bind(self, split: Split) -> None:
        """Read the items; one of which nothing is said has no vector."""
        rows = self.content.read(split, SEED)
        assert isinstance(rows, np.ndarray)
        known: Array = np.any(rows, axis=1)
        warm = split.in_catalogue("train") & known
        centered = normalize(rows - (rows[warm].mean(0) if warm.any() else 0)) * known[:, None]
        device = self.values.device
        self.values = torch.zeros(self.values.shape, device=device)
        self.values[:, : rows.shape[1]] = torch.from_numpy(centered.astype(np.float32)).to(device)
        self.known = torch.from_numpy(known).to(device)

    def forward(self, items: Tensor) -> Tensor:
        """(N, D) for ``items`` (N,)."""
        mapped: Tensor = self.map(self.values[items].to(self.map.weight.dtype))
        return mapped


class Modalities(nn.Module):
    """Several columns of the items.

    Args:
        columns: their names; None takes every set, category, text and vector of items.
        spec, dim, width: as in :class:`Modality`.

    Raises:
        ConfigError: the data has no such column, or none at all.
    """

    def __init__(self, columns: Sequence[str] | None, spec: DataSpec, dim: int, width: int) -> None:
        super().__init__()
        names = ItemContent(ContentOptions(None if columns is None else tuple(columns)), spec).columns
        self.names = names
        self.columns = nn.ModuleList(Modality(name, spec, dim, width) for name in names)

    def bind(self, split: Split) -> None:
        """Read the items."""
        for column in self.columns:
            assert isinstance(column, Modality)
            column.bind(split)

    def forward(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """(N, M, D) vectors of ``items`` (N,), and (N, M) bool which of them are there."""
        vectors = torch.stack([column(items) for column in self.columns], 1)
        known = torch.stack([cast("Modality", column).known[items] for column in self.columns], 1)
        return vectors, known


class DescribedItems(nn.Module):
    """A table of item vectors that are made of one column, with a vector of the id added or without; read as an
    ``EmbeddingTable`` is. A cold item has no vector of its id.

    Args:
        name, spec, dim, width: as in :class:`Modality`.
        init: of the ids' vectors; None reads none.
    """

    warm: Tensor

    def __init__(self, name: str, spec: DataSpec, dim: int, width: int, init: Init | None) -> None:
        super().__init__()
        self.column, self.n_items, self.dim = Modality(name, spec, dim, width), spec.n_items, dim
        self.ids = None if init is None else embedding_table(spec.n_items, dim, init)
        self.register_buffer("warm", torch.zeros(spec.n_items, dtype=torch.bool), persistent=False)

    def bind(self, split: Split) -> None:
        """Read the items, and which of them training knows."""
        self.column.bind(split)
        self.warm = torch.from_numpy(split.in_catalogue("train")).to(self.warm.device)

    def forward(self, ids: Tensor) -> Tensor:
        """The vectors of ``ids``, in their shape with ``dim`` behind it."""
        flat = ids.reshape(-1)
        vectors: Tensor = self.column(flat)
        if self.ids is not None:
            vectors = vectors + self.ids(flat) * self.warm[flat].unsqueeze(1)
        return vectors.view(*ids.shape, self.dim)

    def rows(self) -> Tensor:
        """(n_items, dim): all vectors."""
        return self.forward(torch.arange(self.n_items, device=self.warm.device))
