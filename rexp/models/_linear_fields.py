"""A linear model over one-hot fields that scikit-learn fits."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from rexp.api import Capability, DataSpec, Init, Query, RecommenderModule
from rexp.models._columns import columns_of, one_hot
from rexp.models._fields import FieldChoice
from rexp.models._labeled_rows import labeled_rows
from rexp.nn.dot import dot

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from torch import Generator

    from rexp.data.split import Split
    from rexp.data.types import Array


@dataclass(frozen=True)
class LinearOptions(FieldChoice):
    """Options of a linear model over fields.

    Args:
        target: ``implicit``: 1 for a training row, 0 for a drawn one; ``label``: the data's own labels; ``rating``.
        negatives: rows drawn for each training row, where ``target`` is ``implicit``: the user's and the row's
            context, an item that the user did not take.
        l2: strength of the penalty ``l2 / 2 |w|^2`` beside the sum of the rows' losses; the bias has none.
    """

    target: Literal["implicit", "label", "rating"] = "implicit"
    negatives: int = 4
    l2: float = 1.0

    def __post_init__(self) -> None:
        if self.negatives < 1:
            raise ValueError(f"negatives={self.negatives} must be 1 or more")
        if self.l2 <= 0:
            raise ValueError(f"l2={self.l2} must be above 0")


class LinearFields(RecommenderModule):
    """``b + sum of w_f``: a weight a category, the mean of a set's, or a weight times a number.

    Args:
        config: its options.
        spec: of the data.
        threshold: from which on a rating is a label of 1; None takes ratings as they are.
    """

    bias: Tensor

    def __init__(self, config: LinearOptions, spec: DataSpec, threshold: float | None = None) -> None:
        super().__init__()
        self.options, self.spec, self.threshold = config, spec, threshold
        self.fields = config.fields(spec, 1, Init("zeros"))
        for table in self.fields.tables():  # what is solved for is no parameter of a gradient descent
            weight = table.weight.detach()
            del table.weight
            table.register_buffer("weight", weight)
        self.register_buffer("bias", torch.zeros(()))

    def capabilities(self) -> frozenset[Capability]:
        """Closed form, and a dot product."""
        found = {
            Capability.CLOSED_FORM,
            Capability.SCORES_ALL_ITEMS,
            Capability.HAS_EMBEDDINGS,
            Capability.DOT_PRODUCT,
        }
        if self.fields.reads_features:
            found.add(Capability.NEEDS_TRAIN_DATA)
        if self.fields.reads_context:
            found.add(Capability.READS_CONTEXT)
        return frozenset(found)

    def bind(self, split: Split) -> None:
        """Take the values of the features."""
        self.fields.bind(split.features())

    @abstractmethod
    def solve(self, matrix: csr_array, labels: Array) -> tuple[Array, float]:
        """The weights (M,) of the columns of ``matrix`` (N, M), and the bias."""

    @torch.no_grad()
    def fit(self, split: Split, generator: Generator) -> None:
        """Solve for all weights at once; the generator draws negatives, where there are any.

        Raises:
            ConfigError: a target that the data does not have.
        """
        rows = labeled_rows(split, self.options.target, self.options.negatives, generator, self.threshold)
        sizes = (split.n_users, split.n_items)
        features = split.features() if self.fields.reads_features else {}
        columns = columns_of(
            self.fields.names, self.spec.features, sizes, rows.users, rows.items, features, rows.context
        )
        weights, bias = self.solve(one_hot(columns), rows.labels)
        self.bias.fill_(bias)
        ends = np.cumsum([column.size for column in columns])[:-1]
        for table, found in zip(self.fields.tables(), np.split(weights, ends), strict=True):
            table.assign(torch.from_numpy(found.astype(np.float32)).unsqueeze(1))

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Scores of ``items`` (B,) or (B, K)."""
        return dot(self.user_embeddings(query), self._items(items))

    def score_all(self, query: Query) -> Tensor:
        """(B, I) scores of the whole catalog."""
        return self.user_embeddings(query) @ self.item_embeddings().T

    def user_embeddings(self, query: Query) -> Tensor:
        """(B, 2): what users and contexts add, with the bias, and a 1."""
        added = self.fields.user_side(query).sum((-2, -1)) + self.bias
        return torch.stack([added, torch.ones_like(added)], -1)

    def item_embeddings(self) -> Tensor:
        """(I, 2): a 1, and what the item adds."""
        return self._items(torch.arange(self.fields.n_items, device=self.bias.device))

    def _items(self, items: Tensor) -> Tensor:
        added = self.fields.item_side(items).sum((-2, -1))
        return torch.stack([torch.ones_like(added), added], -1)
