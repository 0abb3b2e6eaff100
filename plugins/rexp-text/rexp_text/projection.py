"""Vectors of items that are a learned projection of their texts'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from rexp.api import CompactEmbedding, EmbeddingTable, Requirement, replace_module
from rexp_text.content import TextOptions
from rexp_text.texts import item_tables, item_vectors

if TYPE_CHECKING:
    from rexp.api import RecommenderModule, StageContext

LEAST = 1e-6
"""Share of the largest variance below which a direction says nothing."""


@dataclass(frozen=True)
class TextProjectionConfig(TextOptions):
    """Options of :class:`TextProjection`.

    Args:
        encoder, columns: see :class:`rexp_text.content.TextOptions`.
        ids: add a learned vector of the item's id; false reads texts alone, so that like texts are like items.
        targets, ignore: patterns of the tables' paths in the model; those of items are replaced.
    """

    ids: bool = False
    targets: tuple[str, ...] = ("*item*",)
    ignore: tuple[str, ...] = ()


class ProjectedTable(CompactEmbedding):
    """The row of an id is ``(x - b) W`` of its text's vector x, with the learned b and W, plus the vector of the id
    where there are such.

    Args:
        n_rows, dim: the shape of the dense table.
        width: numbers of a text's vector.
        ids: rows of ids are added.
    """

    texts: Tensor

    def __init__(self, n_rows: int, dim: int, width: int, ids: bool) -> None:
        super().__init__(n_rows, dim, width=width, ids=ids)
        self.register_buffer("texts", torch.zeros(n_rows, width))
        self.mean = nn.Parameter(torch.zeros(width))
        self.weights = nn.Parameter(torch.zeros(width, dim))
        self.of_ids = EmbeddingTable(n_rows, dim) if ids else None

    def lookup(self, ids: Tensor) -> Tensor:
        """(N, dim) vectors of ``ids`` (N,)."""
        vectors = (self.texts[ids] - self.mean) @ self.weights
        return vectors if self.of_ids is None else vectors + self.of_ids(ids)


class TextProjection:
    """Parametric whitening (Hou, Mu, Zhao, Li, Ding, Wen: UniSRec, KDD 2022, eq. 2, without its experts): texts'
    vectors stay as the encoder gave them, and their projection to the model's vectors is learned with the model.

    It begins as the whitening of the training items' texts to their first principal directions. With ``model=sasrec``
    it is a sequential model that reads; an item without a training interaction has a vector as any other.
    """

    Config: ClassVar[type] = TextProjectionConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)
    phase: ClassVar[Literal["build"]] = "build"
    needs: frozenset[Requirement] = frozenset({Requirement.TABLES})
    trainable_after: ClassVar[bool] = True
    modules: ClassVar[Mapping[str, type]] = {"table": ProjectedTable}

    def __init__(self, config: TextProjectionConfig) -> None:
        self.config = config

    @torch.no_grad()
    def apply(self, model: RecommenderModule, context: StageContext) -> None:
        """Put projected tables in the places of the items' tables.

        Raises:
            ConfigError: no encoder, no such text, or no table of items.
        """
        config, split = self.config, context.split
        columns = config.checked(split.spec)
        wanted = item_tables(model, split, config.targets, config.ignore, "text_projection")
        vectors = item_vectors(split, config.encoder, columns)
        learned = vectors[(split.train_users_per_item > 0) & vectors.any(1)]
        for path, dense in wanted.items():
            rows = dense.rows()
            table = ProjectedTable(*rows.shape, vectors.shape[1], config.ids)
            table.texts.copy_(torch.from_numpy(vectors))
            mean, weights = whitening(learned, rows.shape[1])
            drawn = torch.randn(weights.shape, generator=context.generator).numpy()
            # Directions that texts do not have begin by chance, and small.
            weights = np.where(weights.any(0), weights, 1e-2 * drawn)
            table.mean.copy_(torch.from_numpy(mean))
            table.weights.copy_(float(rows.std()) * torch.from_numpy(weights))
            if table.of_ids is not None:
                table.of_ids.assign(rows.clone())
            replace_module(model, path, table.to(rows.device))


def whitening(vectors: np.ndarray[Any, Any], dim: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Mean (D,) and weights (D, dim), float32, with which vectors (N, D) become uncorrelated numbers of variance 1,
    their principal components; columns of zeros where there are no more.

    >>> vectors = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    >>> mean, weights = whitening(vectors, 4)
    >>> np.cov((vectors - mean) @ weights, rowvar=False, bias=True).round(3).diagonal()
    array([1., 1., 1., 0.])
    """
    mean = vectors.mean(0) if len(vectors) else np.zeros(vectors.shape[1], np.float32)
    centered = (vectors - mean).astype(np.float64)
    variances, directions = np.linalg.eigh(centered.T @ centered / max(1, len(vectors)))
    variances, directions = variances[::-1][:dim], directions[:, ::-1][:, :dim]
    said = variances > LEAST * max(variances[0], 1e-30)
    weights = np.zeros((vectors.shape[1], dim))
    weights[:, : len(said)][:, said] = directions[:, said] / np.sqrt(variances[said])
    return mean.astype(np.float32), weights.astype(np.float32)
