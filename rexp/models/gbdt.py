"""Gradient boosted trees over ids, features and context, by LightGBM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from rexp.api import Capability, DataSpec, Query, RecommenderModule
from rexp.errors import DataError
from rexp.models._columns import Column, columns_of
from rexp.models._fields import FieldChoice
from rexp.models._labeled_rows import LabeledRows, labeled_rows
from rexp.models._trees import Growth, Trees
from rexp.nn.fields import field_names

if TYPE_CHECKING:
    from torch import Generator

    from rexp.data.split import Split
    from rexp.data.types import Array, Feature

MOST_LABELS = 31
"""LightGBM's gains of labels end there."""


@dataclass(frozen=True)
class GBDTConfig(FieldChoice):
    """Options of :class:`GBDT`; those of the trees are LightGBM's.

    Args:
        objective: ``binary``: the log-odds of a label; ``regression``: squared error; ``lambdarank``: the order within
            a list, which is a training row with its negatives, or all rows of a user where ``target`` is not implicit.
        target: ``implicit``: 1 for a training row, 0 for a drawn one; ``label``: the data's own labels; ``rating``.
        threshold: of ratings: a label is 1 from it on; for ``objective=binary target=rating``.
        negatives: rows drawn for each training row, where ``target`` is ``implicit``.
        trees, leaves: how many, and of each.
        lr: shrinks every tree.
        min_leaf: rows of a leaf at least.
        l2: penalty on the leaves' values.
        bagging, columns: shares of the rows, and of the columns, that a tree sees.
    """

    objective: Literal["binary", "regression", "lambdarank"] = "binary"
    target: Literal["implicit", "label", "rating"] = "implicit"
    threshold: float | None = None
    negatives: int = 4
    trees: int = 200
    leaves: int = 31
    lr: float = 0.1
    min_leaf: int = 20
    l2: float = 0.0
    bagging: float = 1.0
    columns: float = 1.0

    def __post_init__(self) -> None:
        for key in ("negatives", "trees", "min_leaf"):
            if getattr(self, key) < 1:
                raise ValueError(f"{key}={getattr(self, key)} must be 1 or more")
        if self.leaves < 2:
            raise ValueError(f"leaves={self.leaves} must be 2 or more")
        if self.lr <= 0 or self.l2 < 0:
            raise ValueError(f"lr={self.lr} must be above 0, l2={self.l2} not negative")
        for key in ("bagging", "columns"):
            if not 0 < getattr(self, key) <= 1:
                raise ValueError(f"{key}={getattr(self, key)} must be above 0 and at most 1")
        if (self.objective == "binary" and self.target == "rating") != (self.threshold is not None):
            raise ValueError(
                f"threshold={self.threshold}, objective={self.objective} and target={self.target}: binary labels of "
                "ratings, and they alone, have one"
            )


class GBDT(RecommenderModule):
    """Gradient boosted trees (Friedman, Annals of Statistics 2001; Ke et al.: LightGBM, NeurIPS 2017); over lists
    LambdaMART (Burges, MSR-TR-2010-82).

    Ids and categories are split as such, a set has a column for each of its categories, numbers and vectors stay as
    they are.
    """

    Config: ClassVar[type] = GBDTConfig

    def __init__(self, config: GBDTConfig, spec: DataSpec) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        of_user, of_item = field_names(spec, config.use_features, config.use_user_id, config.use_item_id)
        self.names = [*of_user, *of_item]
        self.trees = Trees()
        self._features: Mapping[str, Feature] = {}

    def capabilities(self) -> frozenset[Capability]:
        """Fitted at once; predicts ratings where it learned from them."""
        found = {Capability.CLOSED_FORM}
        sides = {self.spec.features[name].side for name in self.names if name not in ("user", "item")}
        if sides & {"user", "item"}:
            found.add(Capability.NEEDS_TRAIN_DATA)
        if "context" in sides:
            found.add(Capability.READS_CONTEXT)
        if self.config.target == "rating" and self.config.objective == "regression":
            found.add(Capability.PREDICTS_RATINGS)
        return frozenset(found)

    def bind(self, split: Split) -> None:
        """Take the values of the features."""
        self._features = split.features()

    def fit(self, split: Split, generator: Generator) -> None:
        """Grow the trees; the generator draws negatives and what each tree sees.

        Raises:
            ConfigError: LightGBM is not installed, or a target that the data does not have.
            DataError: ratings that are no whole numbers from 0 on cannot be ranked by.
        """
        config = self.config
        rows = labeled_rows(split, config.target, config.negatives, generator, config.threshold)
        groups = None
        if config.objective == "lambdarank":
            rows, groups = _lists(rows, config, len(split.train))
        columns = self._columns(rows.users, rows.items, rows.context)
        starts = np.cumsum([0, *(values.shape[1] for _, values in columns)])
        categories = [
            int(start) for start, (column, _) in zip(starts[:-1], columns, strict=True) if column.kind == "category"
        ]
        matrix = np.concatenate([values for _, values in columns], 1)
        growth = Growth(
            config.objective,
            config.trees,
            config.leaves,
            config.lr,
            config.min_leaf,
            config.l2,
            config.bagging,
            config.columns,
        )
        self.trees.grow(matrix, rows.labels, growth, generator, groups, categories)

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Scores of ``items`` (B,) or (B, K): log-odds, ratings, or what orders a list."""
        if not items.numel():
            return torch.zeros(items.shape, device=items.device)
        matrix = np.concatenate([values for _, values in self._asked(query, items)], 1)
        return torch.from_numpy(self.trees.scores(matrix)).view(items.shape).to(items.device)

    def contributions(self, query: Query, items: Tensor) -> dict[str, Tensor]:
        """What each field adds to the scores of ``items`` (B,): SHAP values, see :meth:`Trees.contributions`.

        Returns:
            (B,) float64 by the field's name; under "" the expected score, which all fields add to.
        """
        columns = self._asked(query, items)
        found = self.trees.contributions(np.concatenate([values for _, values in columns], 1))
        ends = np.cumsum([values.shape[1] for _, values in columns])
        parts = np.split(found, ends, 1)
        names = [*(column.name for column, _ in columns), ""]
        return {name: torch.from_numpy(part.sum(1)) for name, part in zip(names, parts, strict=True)}

    def _asked(self, query: Query, items: Tensor) -> list[tuple[Column, Array]]:
        """The columns of ``items`` (B,) or (B, K), row by row."""
        width = items.numel() // len(items)
        users = query.users.repeat_interleave(width).cpu().numpy()
        context = {name: values.repeat_interleave(width, 0).cpu().numpy() for name, values in query.features.items()}
        return self._columns(users, items.reshape(-1).cpu().numpy(), context)

    def _columns(self, users: Array, items: Array, context: Mapping[str, Array]) -> list[tuple[Column, Array]]:
        """The fields of rows, each with its (N, m) float64 columns."""
        sizes = (self.spec.n_users, self.spec.n_items)
        columns = columns_of(self.names, self.spec.features, sizes, users, items, self._features, context)
        return [(column, column.values_only()) for column in columns]


def _lists(rows: LabeledRows, config: GBDTConfig, n_train: int) -> tuple[LabeledRows, Array]:
    """Rows list by list, and the length of each."""
    if config.target == "implicit":
        owner = np.concatenate([np.arange(n_train), np.repeat(np.arange(n_train), config.negatives)])
    else:
        owner = rows.users
        if (rows.labels % 1 != 0).any() or rows.labels.min() < 0 or rows.labels.max() >= MOST_LABELS:
            raise DataError(
                f"objective=lambdarank ranks by whole numbers from 0 to {MOST_LABELS - 1}, and the ratings run from "
                f"{rows.labels.min():g} to {rows.labels.max():g}; take model.objective=regression"
            )
    order = np.argsort(owner, kind="stable")
    context = {name: values[order] for name, values in rows.context.items()}
    counts = np.bincount(owner)
    return LabeledRows(rows.users[order], rows.items[order], context, rows.labels[order]), counts[counts > 0]
