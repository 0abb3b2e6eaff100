"""Metrics of ranked lists with binary relevance.

Notation: hit(r) is 1 where the item at rank r = 1 .. k is relevant, else 0; rel counts the user's relevant items, cold
ones included. A list shorter than k has no hits at its missing ranks and is still divided by k where k divides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor

from rexp.evaluate.metrics.options import NoOptions

if TYPE_CHECKING:
    from rexp.api import Lists, MetricContext


def _hits(lists: Lists, k: int) -> Tensor:
    return lists.hits[:, :k].double()


def _ranks(hits: Tensor) -> Tensor:
    """1 .. k as float64, beside ``hits`` (B, k)."""
    return torch.arange(1, hits.shape[1] + 1, dtype=torch.float64, device=hits.device)


class _HasNoOptions:
    """The constructor of a metric that needs neither options nor the split."""

    Config: ClassVar[type] = NoOptions
    over: ClassVar[Literal["users"]] = "users"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, config: NoOptions, context: MetricContext) -> None:
        pass


class Recall(_HasNoOptions):
    """``recall@k = sum_r hit(r) / rel``, the share of the relevant items in the list (trec_eval, RecBole, ranx)."""

    def per_user(self, lists: Lists, k: int) -> Tensor:
        return _hits(lists, k).sum(1) / lists.n_relevant


class CappedRecall(_HasNoOptions):
    """``recall_capped@k = sum_r hit(r) / min(k, rel)``: 1 for the best possible list (RecPack's calibrated recall)."""

    def per_user(self, lists: Lists, k: int) -> Tensor:
        return _hits(lists, k).sum(1) / lists.n_relevant.clamp(max=k)


class Precision(_HasNoOptions):
    """``precision@k = sum_r hit(r) / k``, by k whatever the length of the list."""

    def per_user(self, lists: Lists, k: int) -> Tensor:
        return _hits(lists, k).sum(1) / k


class HitRatio(_HasNoOptions):
    """``hr@k = max_r hit(r)``: 1 for a user with any hit, else 0 (He et al., WWW 2017)."""

    def per_user(self, lists: Lists, k: int) -> Tensor:
        return lists.hits[:, :k].any(1).double()


class ReciprocalRank(_HasNoOptions):
    """``mrr@k = max_r hit(r) / r``: one over the first hit's rank, 0 without a hit (Voorhees, TREC-8 1999)."""

    def per_user(self, lists: Lists, k: int) -> Tensor:
        hits = _hits(lists, k)
        return (hits / _ranks(hits)).amax(1)


class NDCG(_HasNoOptions):
    """``ndcg@k = sum_r hit(r) / log2(r + 1)`` over the same sum of ``min(k, rel)`` leading hits.

    Järvelin and Kekäläinen, TOIS 2002, with binary gain and the discount of trec_eval.
    """

    def per_user(self, lists: Lists, k: int) -> Tensor:
        hits = _hits(lists, k)
        discount = 1 / torch.log2(_ranks(hits) + 1)
        # The best list can be longer than the one at hand: its ideal reaches rank min(k, rel).
        ideal = (1 / torch.log2(torch.arange(2, k + 2, dtype=torch.float64, device=hits.device))).cumsum(0)
        return (hits * discount).sum(1) / ideal[lists.n_relevant.clamp(max=k) - 1]


def _precision_at_hits(lists: Lists, k: int) -> Tensor:
    """(B,): the sum over hits of the precision at their rank."""
    hits = _hits(lists, k)
    return (hits * hits.cumsum(1) / _ranks(hits)).sum(1)


class MeanAveragePrecision(_HasNoOptions):
    """``map@k = sum_r hit(r) · precision(r) / min(k, rel)``: 1 for the best possible list (RecBole, RePlay).

    trec_eval divides by rel instead: that is :class:`TrecAveragePrecision`.
    """

    def per_user(self, lists: Lists, k: int) -> Tensor:
        return _precision_at_hits(lists, k) / lists.n_relevant.clamp(max=k)


class TrecAveragePrecision(_HasNoOptions):
    """``ap_trec@k = sum_r hit(r) · precision(r) / rel`` (trec_eval's map_cut, ranx, RecTools)."""

    def per_user(self, lists: Lists, k: int) -> Tensor:
        return _precision_at_hits(lists, k) / lists.n_relevant
