"""LightGCN: vectors of users and items, smoothed over the graph of interactions."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor

from rexp.api import Batch, Capability, DataSpec, Query, RecommenderModule
from rexp.models.gfcf import normalize
from rexp.nn.coupling import PropagatedCoupling, Reader
from rexp.nn.dot import dot
from rexp.nn.embedding import Init, InitName, embedding_table
from rexp.nn.sparse import SparseMatrix, interaction_matrix
from rexp.nn.stamp import Stamp

if TYPE_CHECKING:
    from rexp.data.split import Split


@dataclass(frozen=True)
class LightGCNConfig:
    """Options of :class:`LightGCN`.

    Args:
        factors: size of the vectors.
        layers: how far a vector is carried along the edges.
        init: distribution of the vectors; ``init_scale`` its scale.
        l2: strength of the penalty on the vectors that a batch touches, before they are smoothed.
        l2_reduction: over the rows of the batch, ``mean`` or ``sum``: take the loss's.
    """

    factors: int = 64
    layers: int = 3
    init: InitName = "normal"
    init_scale: float = 0.1
    l2: float = 1e-4
    l2_reduction: Literal["mean", "sum"] = "mean"

    def __post_init__(self) -> None:
        if self.factors < 1 or self.layers < 0:
            raise ValueError(f"factors={self.factors} must be 1 or more, layers={self.layers} not negative")
        if self.l2 < 0:
            raise ValueError(f"l2={self.l2} must not be negative")


class LightGCN(RecommenderModule):
    """``E = 1 / (K + 1) sum_k A^k E_0``, score ``e_u . e_i`` (He et al., SIGIR 2020).

    A is the bipartite graph of the training part, every edge divided by the roots of the degrees at its ends.
    """

    Config: ClassVar[type] = LightGCNConfig

    def __init__(self, config: LightGCNConfig, spec: DataSpec) -> None:
        super().__init__()
        self.config = config
        init = Init(config.init, config.init_scale)
        self.users = embedding_table(spec.n_users, config.factors, init)
        self.items = embedding_table(spec.n_items, config.factors, init)
        self.edges = SparseMatrix(spec.n_users, spec.n_items, persistent=False)
        self.edges_back = SparseMatrix(spec.n_items, spec.n_users, persistent=False)
        self._encoded: tuple[bool, Stamp, tuple[Tensor, Tensor]] | None = None

    def capabilities(self) -> frozenset[Capability]:
        """A dot product of smoothed vectors; penalized where ``l2`` is above 0."""
        always = {
            Capability.HAS_EMBEDDINGS,
            Capability.DOT_PRODUCT,
            Capability.SCORES_ALL_ITEMS,
            Capability.NEEDS_TRAIN_DATA,
        }
        return frozenset(always | ({Capability.REGULARIZED} if self.config.l2 else set()))

    def bind(self, split: Split) -> None:
        """Take the graph."""
        normalized, _ = normalize(interaction_matrix(split))
        self.edges.assign(normalized)
        self.edges_back.assign(normalized.T)
        self._encoded = None

    def encode(self) -> tuple[Tensor, Tensor]:
        """(U, D) and (I, D) smoothed vectors; in training made once a step, else until a weight changes."""
        if self.training and not torch.is_grad_enabled():
            return _smooth(self.users.rows(), self.items.rows(), *self._graph(), self.config.layers)
        # A fused optimizer leaves no trace in the stamp; in training the backward pass forgets instead.
        graded = torch.is_grad_enabled()
        # What is stored, not the rows, which a compact table makes anew each time.
        stored = [tensor for side in (self.users, self.items) for tensor in (*side.parameters(), *side.buffers())]
        if self._encoded is None or self._encoded[0] != graded or not self._encoded[1].fits(stored):
            rows, stamp = (self.users.rows(), self.items.rows()), Stamp(stored)
            smoothed = _Smooth.apply(*rows, *self._graph(), self.config.layers, self._forget)  # type: ignore[no-untyped-call]
            self._encoded = graded, stamp, smoothed
        return self._encoded[2]

    def _graph(self) -> tuple[Tensor, Tensor]:
        return _csr(self.edges), _csr(self.edges_back)

    def _forget(self) -> None:
        self._encoded = None

    def train(self, mode: bool = True) -> LightGCN:
        """Forget what was smoothed in the other mode."""
        self._forget()
        return super().train(mode)

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Scores of ``items`` (B,) or (B, K), in their shape."""
        users, rows = self.encode()
        vectors, wanted = users.index_select(0, query.users), rows.index_select(0, items.flatten())
        wanted = wanted.view(*items.shape, vectors.shape[1])
        return dot(vectors, wanted)

    def score_all(self, query: Query) -> Tensor:
        """(B, I) scores of the whole catalogue."""
        return self.user_embeddings(query) @ self.item_embeddings().T

    def user_embeddings(self, query: Query) -> Tensor:
        """(B, D)."""
        return self.encode()[0].index_select(0, query.users)

    def item_embeddings(self) -> Tensor:
        """(I, D)."""
        return self.encode()[1]

    def coupled_parameters(self) -> Sequence[Reader]:
        """Smoothing mixes rows of both tables, every column alike."""
        return [PropagatedCoupling("users", "items")]

    def penalty(self, batch: Batch) -> Tensor:
        """``l2 / 2 (|e_u|^2 + sum over the row's items |e_i|^2)`` of vectors not smoothed yet, mean or sum over rows.

        The paper's L2 (eq. 15) as the authors' code has it: on what the batch touches, repeats included.
        """
        squares: Tensor = self.users(batch.query.users).square().sum() + self.items(batch.items).square().sum()
        divisor = len(batch.query.users) if self.config.l2_reduction == "mean" else 1
        return self.config.l2 / (2 * divisor) * squares


class _Smooth(torch.autograd.Function):
    """The mean over layers. The operator is linear and symmetric, so that its gradient is itself."""

    @staticmethod
    def forward(
        ctx: Any, users: Tensor, items: Tensor, edges: Tensor, back: Tensor, layers: int, used: Callable[[], None]
    ) -> tuple[Tensor, Tensor]:
        ctx.edges, ctx.back, ctx.layers, ctx.used = edges, back, layers, used
        return _smooth(users, items, edges, back, layers)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None, None, None]:
        ctx.used()
        users, items = _smooth(gradients[0], gradients[1], ctx.edges, ctx.back, ctx.layers)
        return users, items, None, None, None, None


def _smooth(users: Tensor, items: Tensor, edges: Tensor, back: Tensor, layers: int) -> tuple[Tensor, Tensor]:
    user_sum, item_sum = users.clone(), items.clone()
    with torch.autocast(users.device.type, enabled=False):  # no sparse product is made in half precision
        for _ in range(layers):
            users, items = edges @ items, back @ users
            user_sum += users
            item_sum += items
    return user_sum.div_(layers + 1), item_sum.div_(layers + 1)


def _csr(matrix: SparseMatrix) -> Tensor:
    """The matrix as torch multiplies it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        warnings.filterwarnings("ignore", message="Sparse invariant checks are implicitly disabled")
        return torch.sparse_csr_tensor(
            matrix.starts, matrix.columns.long(), matrix.values, matrix.shape, check_invariants=False
        )
