"""Metrics of probabilities of labeled rows. q is a row's probability, sigmoid(s) of its score; y its label, 0 or 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rexp.metrics._reliability import reliability
from rexp.metrics._row_metric import RowMetric, is_positive, probabilities
from rexp.metrics.options import Bins

if TYPE_CHECKING:
    from rexp.api import MetricContext, ScoredRows


class LogLoss(RowMetric):
    """``logloss = -mean(y ln q + (1 - y) ln(1 - q))``, q = sigmoid(s) clamped to [1e-7, 1 - 1e-7]."""

    higher_is_better: ClassVar[bool] = False

    def value(self, rows: ScoredRows) -> float:
        q = probabilities(rows).clamp(1e-7, 1 - 1e-7)
        y = is_positive(rows).double()
        return float(-(y * q.log() + (1 - y) * (1 - q).log()).mean())


class RelativeInformationGain(RowMetric):
    """``rig = 1 - logloss / H(p)``, H(p) = -p ln p - (1 - p) ln(1 - p) of the share p of positive rows.

    0 for a model that gives every row the share of positives, 1 for one that is always right and sure; one minus the
    normalized entropy of He et al., ADKDD 2014. NaN where one label is missing.
    """

    def __init__(self, config: object, context: MetricContext) -> None:
        self.logloss = LogLoss(LogLoss.Config(), context)

    def value(self, rows: ScoredRows) -> float:
        p = is_positive(rows).double().mean()
        entropy = float(-(p * p.log() + (1 - p) * (1 - p).log()))
        return 1 - self.logloss.value(rows) / entropy if entropy > 0 else float("nan")


class ExpectedCalibrationError(RowMetric):
    """``ece = sum over bins of (rows in the bin / N) |mean q - share of positives|`` (Guo et al., ICML 2017, eq. 3).

    Bins of q are of equal width or of equal mass (Nguyen and O'Connor, EMNLP 2015); see
    :func:`rexp.metrics._reliability.reliability`. Lower is better; without positives it is the mean q.
    """

    Config: ClassVar[type] = Bins
    higher_is_better: ClassVar[bool] = False

    def __init__(self, config: Bins, context: MetricContext) -> None:
        self.config = config

    def value(self, rows: ScoredRows) -> float:
        return reliability(probabilities(rows), is_positive(rows), self.config.bins, self.config.binning).error
