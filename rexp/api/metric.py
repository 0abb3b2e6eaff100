"""Metrics: of users' lists, of the catalog, and of labeled rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from rexp.api.optional import OptionalMember

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class TopKLists:
    """A block of users' recommendation lists.

    Args:
        users: (B,) int64.
        items: (B, K) int64, best first; -1 where the list is shorter than K.
        hits: (B, K) bool: the item is relevant.
        n_relevant: (B,) int64, all relevant items of the user, cold ones included; at least 1.
    """

    users: Tensor
    items: Tensor
    hits: Tensor
    n_relevant: Tensor


@dataclass(frozen=True)
class Ties:
    """The groups of equal scores that the places of a block of lists belong to; within a group any order is as likely.

    Args:
        first: (B, K) int64, the place, from 0, where the group begins.
        size: (B, K) int64, items of the group, those behind the list too; 1 where no other item has this score.
        relevant: (B, K) int64, how many of them are relevant.
    """

    first: Tensor
    size: Tensor
    relevant: Tensor


@dataclass(frozen=True)
class ScoredRows:
    """Labeled rows with their scores, all (N,): for the protocol ``pointwise``.

    Args:
        users, items: int64.
        scores: floating point; of a metric of 0/1 labels, sigmoid(score) is the probability of a positive.
        labels: float32, see :data:`LABELS`.
        threshold: the probability from which on a row is decided positive, where the protocol has chosen one; None
            leaves it to the metric.
        propensities: float32 above 0 and up to 1, the probability with which a row's pair is among the data's rows;
            None where the data does not know it.
    """

    users: Tensor
    items: Tensor
    scores: Tensor
    labels: Tensor
    threshold: float | None = None
    propensities: Tensor | None = None


@dataclass(frozen=True)
class MetricContext:
    """Facts of the split that a metric may use.

    Args:
        n_users: users with a training interaction.
        catalogue: (C,) int64, the items that can be recommended.
        train_users_per_item: (I,) int64, distinct training users of every item.
        item_features: (I, F) float32 or None: rows to measure distances between items.
        n_pairs: of labeled rows, the user-item pairs that they are drawn from: users times items, by the share of the
            rows that the measured part has; else None.
    """

    n_users: int
    catalogue: Tensor
    train_users_per_item: Tensor
    item_features: Tensor | None = None
    n_pairs: float | None = None


class UserMetric(Protocol):
    """A metric with one value a user, averaged over users.

    It may also have a method ``expected(lists, ties, k)``, from :class:`TopKLists` and :class:`Ties` to (B,) float64:
    the mean of ``per_user`` over all orders of equal scores. One without is averaged over a few random orders. A
    subclass that has a ``per_user`` of its own needs an ``expected`` of its own. And it may have ``of_rows``
    (:data:`OF_ROWS`).

    Example::

        class HitRate:
            Config = HitRateConfig  # a dataclass without options
            kind = "users"
            higher_is_better = True

            def __init__(self, config, context): ...

            def per_user(self, lists, k):
                return lists.hits[:, :k].any(1).double()
    """

    Config: ClassVar[type]
    kind: ClassVar[Literal["users"]]
    higher_is_better: ClassVar[bool]

    def __init__(self, config: Any, context: MetricContext) -> None: ...

    def per_user(self, lists: TopKLists, k: int) -> Tensor:
        """(B,) float64, the metric at cut ``k``; NaN where it is not defined for a user."""
        ...


class AggregateMetric(Protocol):
    """A metric of how often each item was recommended."""

    Config: ClassVar[type]
    kind: ClassVar[Literal["catalogue"]]
    higher_is_better: ClassVar[bool]

    def __init__(self, config: Any, context: MetricContext) -> None: ...

    def value(self, counts: Tensor) -> float:
        """The metric, from (I,) int64: in how many lists, cut at K, each item stands; NaN where it is not defined."""
        ...


class PointwiseMetric(Protocol):
    """A metric over labeled rows, for the protocol ``pointwise``.

    It may also have ``labels`` and ``reads_propensities`` (:data:`LABELS`, :data:`READS_PROPENSITIES`).
    """

    Config: ClassVar[type]
    kind: ClassVar[Literal["rows"]]
    higher_is_better: ClassVar[bool]

    def __init__(self, config: Any, context: MetricContext) -> None: ...

    def value(self, rows: ScoredRows) -> float:
        """The metric of all rows; NaN where it is not defined."""
        ...


LABELS: OptionalMember[Literal["binary", "rating"]] = OptionalMember("labels", "binary")
"""Of a pointwise metric's class: what :attr:`ScoredRows.labels` holds. "binary": 1 for a positive row, 0 for a
negative; "rating": the rating."""
READS_PROPENSITIES = OptionalMember("reads_propensities", False)
"""Of a pointwise metric's class: it needs :attr:`ScoredRows.propensities`; data without them are refused."""
OF_ROWS: OptionalMember[type[Any] | None] = OptionalMember("of_rows", None)
"""Of a metric of lists: the pointwise metric that ``evaluate.row_metrics`` finds under its name, where lists and rows
have a metric each of the same name (precision@k of lists, precision of decisions)."""
