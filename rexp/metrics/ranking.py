"""Metrics of ranked lists with binary relevance.

Notation: hit(r) is 1 where the item at rank r = 1 .. k is relevant, else 0; rel counts the user's relevant items, cold
ones included. A list shorter than k has no hits at its missing ranks and is still divided by k where k divides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor

from rexp.metrics import decisions
from rexp.metrics._tie_orders import chances, chances_of_first, expected_hits_up_to_hits
from rexp.metrics.options import NoOptions

if TYPE_CHECKING:
    from rexp.api import MetricContext, Ties, TopKLists


def _hits(lists: TopKLists, k: int) -> Tensor:
    return lists.hits[:, :k].double()


def _ranks(hits: Tensor) -> Tensor:
    """1 .. k as float64, beside ``hits`` (B, k)."""
    return torch.arange(1, hits.shape[1] + 1, dtype=torch.float64, device=hits.device)


class _HasNoOptions:
    """The constructor of a metric that needs neither options nor the split."""

    Config: ClassVar[type] = NoOptions
    kind: ClassVar[Literal["users"]] = "users"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, config: NoOptions, context: MetricContext) -> None:
        pass


class _Linear(_HasNoOptions):
    """A metric that is linear in the hits, and so takes chances of hits to its mean."""

    def of(self, hits: Tensor, n_relevant: Tensor, k: int) -> Tensor:
        """(B,) float64, from hits, or chances of them, (B, k or fewer) float64."""
        raise NotImplementedError

    def per_user(self, lists: TopKLists, k: int) -> Tensor:
        return self.of(_hits(lists, k), lists.n_relevant, k)

    def expected(self, lists: TopKLists, ties: Ties, k: int) -> Tensor:
        return self.of(chances(ties, k), lists.n_relevant, k)


class Recall(_Linear):
    """``recall@k = sum_r hit(r) / rel``, the share of the relevant items in the list (trec_eval, RecBole, ranx)."""

    of_rows: ClassVar[type] = decisions.Recall

    def of(self, hits: Tensor, n_relevant: Tensor, k: int) -> Tensor:
        return hits.sum(1) / n_relevant


class CappedRecall(_Linear):
    """``recall_capped@k = sum_r hit(r) / min(k, rel)``: 1 for the best possible list (RecPack's calibrated recall)."""

    def of(self, hits: Tensor, n_relevant: Tensor, k: int) -> Tensor:
        return hits.sum(1) / n_relevant.clamp(max=k)


class Precision(_Linear):
    """``precision@k = sum_r hit(r) / k``, by k whatever the length of the list."""

    of_rows: ClassVar[type] = decisions.Precision

    def of(self, hits: Tensor, n_relevant: Tensor, k: int) -> Tensor:
        return hits.sum(1) / k


class F1(_Linear):
    """``f1@k = 2 P R / (P + R) = 2 sum_r hit(r) / (k + rel)``, of a user's P = precision@k and R = recall@k.

    The mean over users of the harmonic means, which is not the harmonic mean of the two columns; 0 without a hit.
    """

    of_rows: ClassVar[type] = decisions.F1

    def of(self, hits: Tensor, n_relevant: Tensor, k: int) -> Tensor:
        return 2 * hits.sum(1) / (k + n_relevant)


class HitRatio(_HasNoOptions):
    """``hr@k = max_r hit(r)``: 1 for a user with any hit, else 0 (He et al., WWW 2017)."""

    def per_user(self, lists: TopKLists, k: int) -> Tensor:
        return lists.hits[:, :k].any(1).double()

    def expected(self, lists: TopKLists, ties: Ties, k: int) -> Tensor:
        return chances_of_first(ties, k).sum(1)


class ReciprocalRank(_HasNoOptions):
    """``mrr@k = max_r hit(r) / r``: one over the first hit's rank, 0 without a hit (Voorhees, TREC-8 1999)."""

    def per_user(self, lists: TopKLists, k: int) -> Tensor:
        hits = _hits(lists, k)
        return (hits / _ranks(hits)).amax(1)

    def expected(self, lists: TopKLists, ties: Ties, k: int) -> Tensor:
        first = chances_of_first(ties, k)
        return (first / _ranks(first)).sum(1)


def ndcg(hits: Tensor, n_relevant: Tensor, k: int) -> Tensor:
    """(B,) float64: :class:`NDCG` of lists.

    Args:
        hits: (B, k or fewer) float64, best first.
        n_relevant: (B,) int64, at least 1.
        k: cut.
    """
    discount = 1 / torch.log2(_ranks(hits) + 1)
    # The best list can be longer than the one at hand: its ideal reaches rank min(k, rel).
    ideal = (1 / torch.log2(torch.arange(2, k + 2, dtype=torch.float64, device=hits.device))).cumsum(0)
    return (hits * discount).sum(1) / ideal[n_relevant.clamp(max=k) - 1]


class NDCG(_Linear):
    """``ndcg@k = sum_r hit(r) / log2(r + 1)`` over the same sum of ``min(k, rel)`` leading hits.

    Järvelin and Kekäläinen, TOIS 2002, with binary gain and the discount of trec_eval.
    """

    def of(self, hits: Tensor, n_relevant: Tensor, k: int) -> Tensor:
        return ndcg(hits, n_relevant, k)


class _AveragePrecision(_HasNoOptions):
    """The sum over hits of the precision at their rank, over a divisor."""

    def divisor(self, n_relevant: Tensor, k: int) -> Tensor:
        raise NotImplementedError

    def per_user(self, lists: TopKLists, k: int) -> Tensor:
        hits = _hits(lists, k)
        return (hits * hits.cumsum(1) / _ranks(hits)).sum(1) / self.divisor(lists.n_relevant, k)

    def expected(self, lists: TopKLists, ties: Ties, k: int) -> Tensor:
        hits = expected_hits_up_to_hits(ties, k)
        return (hits / _ranks(hits)).sum(1) / self.divisor(lists.n_relevant, k)


class MeanAveragePrecision(_AveragePrecision):
    """``map@k = sum_r hit(r) · precision(r) / min(k, rel)``: 1 for the best possible list (RecBole, RePlay).

    trec_eval divides by rel instead: that is :class:`TrecAveragePrecision`.
    """

    def divisor(self, n_relevant: Tensor, k: int) -> Tensor:
        return n_relevant.clamp(max=k)


class TrecAveragePrecision(_AveragePrecision):
    """``ap_trec@k = sum_r hit(r) · precision(r) / rel`` (trec_eval's map_cut, ranx, RecTools)."""

    def divisor(self, n_relevant: Tensor, k: int) -> Tensor:
        return n_relevant
