"""Matrix factorization: a dot product with biases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from rexp.api import Batch, Capability, DataSpec, Query, RecommenderModule
from rexp.nn.coupling import DotCoupling, Reader
from rexp.nn.dot import dot, dot_of_all, trains_by_table
from rexp.nn.embedding import EmbeddingTable, Init, InitName, embedding_table


@dataclass(frozen=True)
class MFConfig:
    """Options of :class:`MF`.

    Args:
        factors: size of the vectors, biases not counted. (Rendle et al. 2020 count one dimension for the biases.)
        user_bias, item_bias, global_bias: which biases the score has; they start at 0.
        init: distribution of the vectors; ``init_scale`` its scale (``rexp.nn.embedding.initialize``).
        l2: strength of the penalty on the vectors and biases that a batch touches; 0 leaves it out.
        l2_user, l2_positive, l2_negative: the same for users, positive and negative items alone; null takes ``l2``.
        l2_reduction: over the rows of the batch, ``mean`` or ``sum``: take the loss's.
    """

    factors: int = 64
    user_bias: bool = False
    item_bias: bool = True
    global_bias: bool = False
    init: InitName = "normal"
    init_scale: float = 0.1
    l2: float = 0.0
    l2_user: float | None = None
    l2_positive: float | None = None
    l2_negative: float | None = None
    l2_reduction: Literal["mean", "sum"] = "mean"

    def __post_init__(self) -> None:
        if self.factors < 1:
            raise ValueError(f"factors={self.factors} must be 1 or more")
        for key in ("l2", "l2_user", "l2_positive", "l2_negative"):
            if (getattr(self, key) or 0) < 0:
                raise ValueError(f"{key}={getattr(self, key)} must not be negative")

    def strength(self, part: Literal["user", "positive", "negative"]) -> float:
        """The penalty's strength on one part of what a batch touches."""
        own: float | None = getattr(self, f"l2_{part}")
        return self.l2 if own is None else own


class MF(RecommenderModule):
    """``b + b_u + b_i + p_u · q_i`` (Koren et al. 2009; as a baseline of NCF: Rendle et al., RecSys 2020).

    A bias is the last column of its side's table: one gather a side. What is before it is the vector, which a
    factorized table has fewer columns of.
    """

    Config: ClassVar[type] = MFConfig

    def __init__(self, config: MFConfig, spec: DataSpec) -> None:
        super().__init__()
        self.config, self.n_items = config, spec.n_items
        init = Init(config.init, config.init_scale)
        self.users = _table(spec.n_users, config.factors, config.user_bias, init)
        self.items = _table(spec.n_items, config.factors, config.item_bias, init)
        self.bias = nn.Parameter(torch.zeros(())) if config.global_bias else None

    def capabilities(self) -> frozenset[Capability]:
        """A dot product; penalized where ``l2`` is above 0."""
        always = {Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT, Capability.SCORES_ALL_ITEMS}
        penalized = any(self.config.strength(part) for part in ("user", "positive", "negative"))
        return frozenset(always | ({Capability.REGULARIZED} if penalized else set()))

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Scores of ``items`` (B,) or (B, K); a user's vector is read once for all K."""
        vectors: Tensor = self.users(query.users)
        user_bias: Tensor | None = None
        if self.config.user_bias:  # the backward pass of a split is one pass, of slices two
            vectors, user_bias = torch.split(vectors, [vectors.shape[-1] - 1, 1], -1)
        if trains_by_table(items, self.n_items):
            scores = dot_of_all(vectors, self.items.rows(), items, bias=self.config.item_bias)
        else:
            scores = dot(vectors, self.items(items), bias=self.config.item_bias)
        if user_bias is not None:
            scores = scores + (user_bias if items.dim() == 2 else user_bias[:, 0])
        return scores if self.bias is None else scores + self.bias

    def score_all(self, query: Query) -> Tensor:
        """(B, I) scores of the whole catalogue."""
        return self.user_embeddings(query) @ self.item_embeddings().T

    def user_embeddings(self, query: Query) -> Tensor:
        """(B, D): the user's vector; then, where there are biases, b_u + b and a 1 that meets b_i."""
        rows = self.users(query.users)
        factors = rows.shape[1] - self.config.user_bias
        parts = [rows[:, :factors]]
        if self._user_coordinate:
            bias = rows[:, factors:] if self.config.user_bias else rows.new_zeros(len(rows), 1)
            parts.append(bias if self.bias is None else bias + self.bias)
        if self.config.item_bias:
            parts.append(rows.new_ones(len(rows), 1))
        return torch.cat(parts, 1)

    def item_embeddings(self) -> Tensor:
        """(I, D): the item's vector; then, where there are biases, a 1 that meets b_u + b, and b_i."""
        return self._joined(self.items.rows())

    def item_embeddings_of(self, items: Tensor) -> Tensor:
        """(N, D) of ``items`` (N,)."""
        return self._joined(self.items(items))

    def _joined(self, rows: Tensor) -> Tensor:
        factors = rows.shape[1] - self.config.item_bias
        ones = [rows.new_ones(len(rows), 1)] if self._user_coordinate else []
        return torch.cat([rows[:, :factors], *ones, rows[:, factors:]], 1)

    def coupled_parameters(self) -> Sequence[Reader]:
        """A dot product; the columns of biases are read on their own."""
        return [DotCoupling("users", "items", (0, self.users.rows().shape[1] - self.config.user_bias))]

    @property
    def _user_coordinate(self) -> bool:
        return self.config.user_bias or self.config.global_bias

    def penalty(self, batch: Batch) -> Tensor:
        """L2 on what each row of the batch touches, repeats included, as in Rendle et al. (2020), ``mf_simple.py``.

        Returns:
            ``1 / 2 (l2_user (|p_u|^2 + b_u^2 + b^2) + sum over the row's items of l2 (|q_i|^2 + b_i^2))`` with the
            strength of positives or of negatives, mean or sum over the rows.
        """
        config, rows = self.config, len(batch.query.users)
        users: Tensor = self.users(batch.query.users).square().sum()
        if self.bias is not None:
            users = users + rows * self.bias.square()
        positive, negative = config.strength("positive"), config.strength("negative")
        squares: Tensor = self.items(batch.items).square()
        if positive == negative:
            items = positive * squares.sum()
        else:
            strengths = torch.where(_positive(batch), positive, negative)
            items = (strengths * squares.sum(-1)).sum()
        divisor = rows if config.l2_reduction == "mean" else 1
        return (config.strength("user") * users + items) / (2 * divisor)


def _positive(batch: Batch) -> Tensor:
    """Which of ``batch.items`` are positives: those with a label above 0, or the first of each row."""
    if batch.labels is not None:
        return batch.labels > 0
    first = torch.zeros_like(batch.items, dtype=torch.bool)
    first[..., 0] = True
    return first


def _table(n_rows: int, factors: int, bias: bool, init: Init) -> EmbeddingTable:
    """A table of vectors, with a column of zeros behind them for the bias."""
    table = embedding_table(n_rows, factors, init)
    if not bias:
        return table
    wider = embedding_table(n_rows, factors + 1, Init("zeros"))
    wider.assign(torch.cat([table.rows(), torch.zeros(n_rows, 1)], 1))
    return wider
