"""Features of users or items as vectors: every known thing of a row adds one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rexp.errors import ConfigError, did_you_mean
from rexp.nn.compact_embedding import CompactEmbedding
from rexp.nn.embedding import Init, embedding_table

if TYPE_CHECKING:
    from rexp.data.types import Feature, FeatureSpec, Kind, Side
    from rexp.nn.embedding import EmbeddingTable


def chosen_features(
    specs: Mapping[str, FeatureSpec], names: Sequence[str] | None, side: Side
) -> dict[str, FeatureSpec]:
    """The features of one side that are read: those of ``names``, or all where it is None.

    Raises:
        ConfigError: the data has no feature of that name.
    """
    for name in names or ():
        if name not in specs:
            raise ConfigError(f"use_features: the data has no feature '{name}'; {did_you_mean(name, list(specs))}")
    if names is not None and not names:
        return {}  # without asking the data, which would read its tables
    return {name: spec for name, spec in specs.items() if spec.side == side and (names is None or name in names)}


def chosen_features_without_context(
    specs: Mapping[str, FeatureSpec], names: Sequence[str] | None, side: Side, model: str
) -> dict[str, FeatureSpec]:
    """As :func:`chosen_features`, for a model that reads users and items alone.

    Raises:
        ConfigError: the data has no such feature, or it is one of the context.
    """
    chosen = chosen_features(specs, names, side)
    for name in names or ():
        if specs[name].side == "context":
            raise ConfigError(
                f"use_features: {model} reads features of users and items, and '{name}' is a context; leave it out, or "
                "take a model over fields (mlp, deepfm)"
            )
    return chosen


def mean_rows(table: EmbeddingTable, ids: Tensor, known: Tensor) -> Tensor:
    """(B, D): the mean of the table's rows ``ids`` (B, K) where ``known`` (B, K); zeros for a row that knows none."""
    lengths = known.sum(1)
    if torch.compiler.is_compiling():  # how many ids are known is no shape that could be traced
        vectors: Tensor = table(ids.clamp(min=0)) * known.unsqueeze(2)
        return vectors.sum(1) / lengths.clamp(min=1).unsqueeze(1)
    read, starts = ids[known], lengths.cumsum(0) - lengths
    if isinstance(table, CompactEmbedding):  # of which all rows would have to be made
        return F.embedding_bag(torch.arange(len(read), device=ids.device), table(read), starts, mode="mean")
    return F.embedding_bag(read, table.rows(), starts, mode="mean")


def feature_table(spec: FeatureSpec, dim: int, init: Init) -> EmbeddingTable:
    """The table that :func:`read_values` reads a feature with: a row a category, or a coordinate of its vector."""
    return embedding_table(spec.cardinality or spec.dim or 1, dim, init)


def read_values(kind: Kind, table: EmbeddingTable, values: Tensor) -> Tensor:
    """Vectors of a feature's values: a category has its own (an unknown one too), a set the mean of its categories', a
    number scales a single one, and a vector goes through a linear map.

    Args:
        kind: of the feature.
        table: see :func:`feature_table`.
        values: (B,) of categories and numbers, (B, K) of sets, (B, width) of vectors.

    Returns:
        (B, D).
    """
    if kind == "category":
        vectors: Tensor = table(values)
        return vectors
    if kind == "set":
        return mean_rows(table, values, values > 0)
    if kind == "number":
        return values.unsqueeze(1) * table.rows()
    rows = table.rows()
    return values.to(rows.dtype) @ rows


class FeatureEmbedding(nn.Module):
    """One feature's vectors, see :func:`read_values`, by the ids of users or items.

    The values belong to the data and are no weights; :meth:`bind` takes them.

    Args:
        spec: of the feature.
        n_rows: users, or items.
        dim: size of the vectors.
        init: of the vectors.
    """

    values: Tensor

    def __init__(self, spec: FeatureSpec, n_rows: int, dim: int, init: Init) -> None:
        super().__init__()
        self.kind = spec.kind
        self.table = feature_table(spec, dim, init)
        shape = {"set": (n_rows, 1), "vector": (n_rows, spec.dim)}.get(spec.kind, (n_rows,))
        dtype = torch.float32 if spec.kind in ("number", "vector") else torch.int64
        self.register_buffer("values", torch.zeros(shape, dtype=dtype), persistent=False)

    def bind(self, feature: Feature) -> None:
        """Take the values of all rows."""
        self.values = torch.tensor(feature.values, device=self.values.device)

    def forward(self, ids: Tensor) -> Tensor:
        """(B, D) vectors of the rows ``ids`` (B,)."""
        return read_values(self.kind, self.table, self.values[ids])


class FeatureList(nn.Module):
    """The vectors of several features of users, or of items, one by one.

    Args:
        specs: of the features that are read, by name.
        n_rows, dim, init: as in :class:`FeatureEmbedding`.
    """

    def __init__(self, specs: Mapping[str, FeatureSpec], n_rows: int, dim: int, init: Init) -> None:
        super().__init__()
        self.names = list(specs)
        self.features = nn.ModuleList(FeatureEmbedding(spec, n_rows, dim, init) for spec in specs.values())

    def bind(self, features: Mapping[str, Feature]) -> None:
        """Take the values of the features that are read."""
        for name, part in zip(self.names, self.features, strict=True):
            part.bind(features[name])  # type: ignore[operator]  # one that a stage put there has it too

    def vectors(self, ids: Tensor) -> list[Tensor]:
        """(B, D) of each feature, for the rows ``ids`` (B,)."""
        return [vectors(ids) for vectors in self.features]


class FeatureSum(FeatureList):
    """The sum of a row's feature vectors: what a linear layer makes of categories as 0/1 columns, beside numbers. One
    feature at least."""

    def forward(self, ids: Tensor) -> Tensor:
        """(B, D) for the rows ``ids`` (B,)."""
        return torch.stack(self.vectors(ids)).sum(0)
