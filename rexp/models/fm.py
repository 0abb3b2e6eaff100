"""Factorization machine over ids, features and context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from rexp.api import Capability, DataSpec, Query
from rexp.models._fields import FieldModel, FieldOptions, Parts
from rexp.nn.dot import dot
from rexp.nn.interactions import machine_vectors


@dataclass(frozen=True)
class FMConfig(FieldOptions):
    """Options of :class:`FM`."""


class FM(FieldModel):
    """``b + sum over fields of w_f + sum over pairs of fields of v_f · v_g`` (Rendle: Factorization machines, ICDM
    2010, eq. 1), where a field's vector is that of its category, the mean of a set's, or a number times one.

    Pairs within a side are computed with the side, and those across are the product of both sides' sums: the score is
    a dot product, whatever is read.
    """

    Config: ClassVar[type] = FMConfig

    def __init__(self, config: FMConfig, spec: DataSpec) -> None:
        super().__init__(config, spec, first_order=True)
        self.config = config
        self.bias = nn.Parameter(torch.zeros(()))

    def capabilities(self) -> frozenset[Capability]:
        """A dot product."""
        return super().capabilities() | {Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT}

    def user_part(self, query: Query) -> Parts:
        """(B, D + 2): see :func:`rexp.nn.interactions.machine_vectors`."""
        assert self.weights is not None
        return (machine_vectors(self.fields.user_side(query), self.weights.user_side(query), self.bias),)

    def item_part(self, items: Tensor) -> Parts:
        """(..., D + 2)."""
        assert self.weights is not None
        return (machine_vectors(self.fields.item_side(items), self.weights.item_side(items)),)

    def pair(self, user: Parts, item: Parts) -> Tensor:
        """The dot product."""
        return (user[0] * item[0]).sum(-1)

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Scores of ``items`` (B,) or (B, K)."""
        return dot(self.user_embeddings(query), self.item_part(items)[0])

    def score_all(self, query: Query) -> Tensor:
        """(B, I) scores of the whole catalog."""
        return self.user_embeddings(query) @ self.item_embeddings().T

    def user_embeddings(self, query: Query) -> Tensor:
        """(B, D + 2): the sum of the fields' vectors, a 1, and what users and contexts add alone."""
        return self.user_part(query)[0]

    def item_embeddings(self) -> Tensor:
        """(I, D + 2): the sum of the fields' vectors, what the item adds alone, and a 1."""
        return self.item_embeddings_of(torch.arange(self.fields.n_items, device=self.bias.device))

    def item_embeddings_of(self, items: Tensor) -> Tensor:
        """(N, D + 2) of ``items`` (N,)."""
        return self.item_part(items)[0]
