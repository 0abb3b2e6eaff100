"""Losses and samplers, and the batches that they see."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rexp.data.query import Query
    from rexp.data.split import Split


class Layout(StrEnum):
    """How a loss wants its batch; ``Batch`` says the shapes."""

    POINTWISE = "pointwise"
    PAIRWISE = "pairwise"
    LISTWISE = "listwise"
    SEQUENCE = "sequence"
    USER = "user"


@dataclass(frozen=True)
class Batch:
    """One training step's examples.

    Args:
        query: B users.
        items: (B,) in the layout ``pointwise``; (B, 2) positive, negative in ``pairwise``; (B, 1 + N) in ``listwise``,
            positive first; (B, L, 1 + N) in ``sequence``, where ``query.history`` (B, L) holds what came before each of
            them, both padded in front with -1; (B, 0) in ``user``.
        labels: (B,) float32 in the layout ``pointwise``: 1 for a positive, 0 for a negative, or the rating; else None.
        log_q: the log-probability with which the sampler draws each of ``items`` (same shape), or None where uniform;
            +inf marks an item that must not count.
    """

    query: Query
    items: Tensor
    labels: Tensor | None = None
    log_q: Tensor | None = None


class Loss(Protocol):
    """A training objective over scores; holds no parameters.

    A ``Config`` with an option ``target`` set to "rating" gets ratings as labels, and no negatives; scores are then
    trained to be ratings, unless the loss says ``predicts_ratings = False``. One whose option ``reduction`` is "sum"
    sums over the batch; others take a mean.
    """

    Config: ClassVar[type]
    layout: Layout

    def __init__(self, config: Any) -> None: ...

    def __call__(self, scores: Tensor, batch: Batch) -> Tensor:
        """The scalar loss of ``scores``, which has the shape of ``batch.items``."""
        ...


@dataclass(frozen=True)
class Negatives:
    """Drawn items (B, N) int64, and the log-probability of each, or None where uniform."""

    items: Tensor
    log_q: Tensor | None = None


class Sampler(Protocol):
    """Draws negatives, in one vectorised call.

    ``positives`` says how positives are drawn: every interaction once an epoch, or users uniformly and an item of each.
    ``scope`` is "batch" where the draw must see exactly one batch (in-batch negatives), else "chunk" (many at once).
    """

    Config: ClassVar[type]
    n: int
    positives: Literal["interactions", "users"]
    scope: Literal["batch", "chunk"]

    def __init__(self, config: Any, split: Split) -> None: ...

    def sample(self, users: Tensor, positives: Tensor, generator: Generator) -> Negatives:
        """``n`` negatives for each of ``user`` (B,), whose positives are ``positives`` (B,)."""
        ...
