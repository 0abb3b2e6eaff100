"""Losses and samplers, and the batches that they see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from rexp.api.optional import OptionalMember

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rexp.data.query import Query
    from rexp.data.split import Split


class Layout(StrEnum):
    """How a loss, or a model with a loss of its own, wants its batch; ``Batch`` says the shapes."""

    POINTWISE = "pointwise"
    """Items one by one, with a label."""
    PAIRWISE = "pairwise"
    """A positive and a negative."""
    LISTWISE = "listwise"
    """A positive and several negatives."""
    SEQUENCE = "sequence"
    """Whole histories, a positive and its negatives at every position."""
    USER = "user"
    """Users alone: a model reads what it has of them (:attr:`~rexp.api.Capability.NEEDS_TRAIN_DATA`)."""


@dataclass(frozen=True)
class Batch:
    """One training step's examples.

    Args:
        query: B users.
        items: (B,) in the layout ``pointwise``; (B, 2) positive, negative in ``pairwise``; (B, 1 + N) in ``listwise``,
            positive first; (B, L, 1 + N) in ``sequence``, where ``query.history`` (B, L) holds what came before each of
            them, both padded in front with -1; (B, 0) in ``user``.
        labels: (B,) float32 in the layout ``pointwise``: 1 for a positive, 0 for a negative, or the rating; else None.
            A negative has its positive's context.
        log_q: the log-probability with which the sampler draws each of ``items`` (same shape), or None where uniform;
            +inf marks an item that must not count.
        weights: (B,) float32, or (B, L) in ``sequence``: how much each row counts, of mean 1 over the training rows; a
            negative counts as its positive does. None where all count alike. The loss applies them, with
            :func:`rexp.api.reduce` say, and states it as ``weighted`` (:data:`WEIGHTED`).
        rows: (B,) whole numbers, on the CPU: places in the training part of rows that are taken as they stand, in the
            layout ``pointwise`` without a sampler; what is known of a row can then be kept. Else None.
    """

    query: Query
    items: Tensor
    labels: Tensor | None = None
    log_q: Tensor | None = None
    weights: Tensor | None = None
    rows: Tensor | None = None


class Loss(Protocol):
    """A training objective over scores; holds no parameters.

    Its ``Config`` may have the options ``target``, ``threshold`` and ``reduction`` (:data:`TARGET`, :data:`THRESHOLD`,
    :data:`REDUCTION`); a loss with one of them keeps its options as ``config`` (:data:`CONFIG`). The class may have
    ``predicts_ratings`` (:data:`PREDICTS_RATINGS`) and ``weighted`` (:data:`WEIGHTED`).

    Example::

        class SquaredHinge:
            Config = SquaredHingeConfig  # a dataclass without options
            layout = Layout.PAIRWISE

            def __init__(self, config): ...

            def __call__(self, scores, batch):
                return (1 - scores[:, 0] + scores[:, 1]).relu().square().mean()
    """

    Config: ClassVar[type]
    layout: Layout

    def __init__(self, config: Any) -> None: ...

    def __call__(self, scores: Tensor, batch: Batch) -> Tensor:
        """The scalar loss of ``scores``, which has the shape of ``batch.items``; what ``batch.log_q`` marks by +inf
        must not count (:func:`rexp.api.reduce` leaves it out)."""
        ...


CONFIG: OptionalMember[Any] = OptionalMember("config", None)
"""Of a loss: the options it was made with, where one of them is ``target`` or ``reduction``."""
TARGET = OptionalMember("target", "implicit")
"""Of a loss's ``Config``: "rating" gets ratings as labels, and no negatives, and scores are trained to be ratings;
"label" gets the labels of data that has negatives of its own, 1 or 0, and draws none."""
THRESHOLD: OptionalMember[float | None] = OptionalMember("threshold", None)
"""Of the ``Config`` of a loss with ``target="rating"``: the rating from which on it reads a label of 1, so that it has
two classes of rows; None where each rating is one of its own."""
WEIGHTED = OptionalMember("weighted", False)
"""Of a loss's class, or of a model with a loss of its own: it counts every row by :attr:`Batch.weights`. A fit with
``train.weights`` is refused without."""
REDUCTION = OptionalMember("reduction", "mean")
"""Of a loss's ``Config``: "sum" where the loss is a sum over the batch; stages weigh theirs against it by this."""
PREDICTS_RATINGS = OptionalMember("predicts_ratings", True)
"""Of a loss's class: False where ``target="rating"`` does not make ratings of the scores."""


@dataclass(frozen=True)
class Negatives:
    """Drawn items (B, N) int64, and the log-probability of each, or None where uniform."""

    items: Tensor
    log_q: Tensor | None = None


class Sampler(Protocol):
    """Draws negatives, in one vectorized call.

    ``positives`` says how positives are drawn: every interaction once an epoch, or users uniformly and an item of each.
    ``scope`` is "batch" where the draw must see exactly one batch (in-batch negatives), else "chunk" (many at once).
    ``n`` is the number of negatives of each positive; it may be set to 1 on a copy of the sampler. A sampler of a law
    that is not uniform may also have ``log_q`` (:data:`LOG_Q`).

    Example::

        class Uniform:
            Config = UniformConfig  # a dataclass with an option ``n``
            positives, scope = "interactions", "chunk"

            def __init__(self, config, split):
                self.n, self.n_items = config.n, split.n_items

            def sample(self, users, positives, generator):
                return Negatives(torch.randint(self.n_items, (len(users), self.n), generator=generator))
    """

    Config: ClassVar[type]
    n: int
    positives: Literal["interactions", "users"]
    scope: Literal["batch", "chunk"]

    def __init__(self, config: Any, split: Split) -> None: ...

    def sample(self, users: Tensor, positives: Tensor, generator: Generator) -> Negatives:
        """``n`` negatives for each of ``users`` (B,) int64, whose positives are ``positives`` (B,) int64, on the CPU.

        ``generator`` is the only source of chance. Known positives may be among the negatives or not, as the sampler
        says.
        """
        ...


LOG_Q: OptionalMember[Callable[[Tensor], Tensor] | None] = OptionalMember("log_q", None)
"""Of a sampler: ``log_q(items) -> Tensor``, the log-probability with which it draws each of ``items`` (B,), in their
shape; for the positives of a sampled softmax. Without it they get 0, no correction."""
