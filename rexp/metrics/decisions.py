"""Metrics of decisions on labeled rows: one is decided positive where its probability sigmoid(s) is high enough.

tp, fp, fn and tn count rows that are decided positive and are (tp) or are not (fp), and decided negative and are
positive (fn) or not (tn). The threshold is the option ``threshold`` of the metric, unless the protocol chose one on the
validation rows (``evaluate.decision``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rexp.metrics._row_metric import RowMetric, is_positive, probabilities
from rexp.metrics.options import Decision

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.api import MetricContext, ScoredRows


class _OfDecisions(RowMetric):
    """A metric of the four counts."""

    Config: ClassVar[type] = Decision

    def __init__(self, config: Decision, context: MetricContext) -> None:
        self.threshold = config.threshold

    def value(self, rows: ScoredRows) -> float:
        threshold = self.threshold if rows.threshold is None else rows.threshold
        decided, positive = probabilities(rows) >= threshold, is_positive(rows)
        return self.of(
            tp=_count(decided & positive),
            fp=_count(decided & ~positive),
            fn=_count(~decided & positive),
            tn=_count(~decided & ~positive),
        )

    def of(self, *, tp: int, fp: int, fn: int, tn: int) -> float:
        raise NotImplementedError


class Accuracy(_OfDecisions):
    """``accuracy = (tp + tn) / (tp + fp + fn + tn)``: the share of rows whose decision is their label."""

    def of(self, *, tp: int, fp: int, fn: int, tn: int) -> float:
        return (tp + tn) / (tp + fp + fn + tn)


class BalancedAccuracy(_OfDecisions):
    """``balanced_accuracy = (tp / (tp + fn) + tn / (tn + fp)) / 2``, the mean of both labels' recalls.

    As scikit-learn (Brodersen et al., ICPR 2010). NaN where one label is missing.
    """

    def of(self, *, tp: int, fp: int, fn: int, tn: int) -> float:
        return (tp / (tp + fn) + tn / (tn + fp)) / 2 if tp + fn and tn + fp else float("nan")


class Precision(_OfDecisions):
    """``precision = tp / (tp + fp)`` of rows; 0 where no row is decided positive."""

    def of(self, *, tp: int, fp: int, fn: int, tn: int) -> float:
        return tp / (tp + fp) if tp else 0.0


class Recall(_OfDecisions):
    """``recall = tp / (tp + fn)`` of rows; NaN where no row is positive."""

    def of(self, *, tp: int, fp: int, fn: int, tn: int) -> float:
        return tp / (tp + fn) if tp + fn else float("nan")


class F1(_OfDecisions):
    """``f1 = 2 tp / (2 tp + fp + fn)`` of rows; 0 without a true positive (van Rijsbergen 1979)."""

    def of(self, *, tp: int, fp: int, fn: int, tn: int) -> float:
        return 2 * tp / (2 * tp + fp + fn) if tp else 0.0


def _count(rows: Tensor) -> int:
    return int(rows.sum())
