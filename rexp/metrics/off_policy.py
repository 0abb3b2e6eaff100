"""Errors over all user-item pairs, estimated from rows that were observed with known probabilities.

o_i is the error of row i, P_i its propensity: the probability with which its pair is among the data's rows. What people
choose to rate, or are shown, is no sample of all pairs; the plain mean of the errors is then an estimate of something
else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from torch.nn.functional import softplus

from rexp.errors import ConfigError
from rexp.metrics._row_metric import RowMetric, is_positive
from rexp.metrics.options import AllPairs, AllPairsError, RatingError

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.api import MetricContext, ScoredRows
    from rexp.metrics.options import NoOptions


class _OfRatings(RowMetric):
    """``o = (s - y)²``, or with ``error=absolute`` |s - y|, y the rating."""

    Config: ClassVar[type] = RatingError
    labels: ClassVar[Literal["binary", "rating"]] = "rating"
    reads_propensities: ClassVar[bool] = True
    higher_is_better: ClassVar[bool] = False

    def __init__(self, config: RatingError, context: MetricContext) -> None:
        self.error = config.error

    def errors(self, rows: ScoredRows) -> Tensor:
        apart = rows.scores.double() - rows.labels.double()
        return apart.abs() if self.error == "absolute" else apart.square()


class _OfLabels(RowMetric):
    """``o = -y ln q - (1 - y) ln(1 - q)``, q = sigmoid(s)."""

    reads_propensities: ClassVar[bool] = True
    higher_is_better: ClassVar[bool] = False

    def errors(self, rows: ScoredRows) -> Tensor:
        return softplus(rows.scores.double() * (1 - 2 * is_positive(rows).double()))


class InversePropensityError(_OfRatings):
    """``ips = sum_i (o_i / P_i) / n`` over n pairs: all users times all items, by the part's share of the rows.

    Unbiased (Schnabel et al., ICML 2016, eq. 9; Horvitz and Thompson 1952), and of high variance where a propensity is
    small. ``pairs`` gives n where the rows were not drawn by the split: from a log of its own, say.
    """

    Config: ClassVar[type] = AllPairsError

    def __init__(self, config: AllPairsError, context: MetricContext) -> None:
        super().__init__(config, context)
        self.n_pairs = _n_pairs(config.pairs, context, "ips")

    def value(self, rows: ScoredRows) -> float:
        return float(_weighed(self.errors(rows), rows).sum() / self.n_pairs)


class SelfNormalizedError(_OfRatings):
    """``snips = sum_i (o_i / P_i) / sum_i (1 / P_i)``, which no common factor of the propensities changes.

    Consistent, a little biased, and of lower variance (Swaminathan and Joachims, NeurIPS 2015; Schnabel et al. 2016).
    """

    def value(self, rows: ScoredRows) -> float:
        return float(_weighed(self.errors(rows), rows).sum() / _inverse(rows).sum())


class InversePropensityLogLoss(_OfLabels):
    """``ips_logloss = sum_i (o_i / P_i) / n``: as ``ips``, o the log loss of a 0/1 label."""

    Config: ClassVar[type] = AllPairs

    def __init__(self, config: AllPairs, context: MetricContext) -> None:
        self.n_pairs = _n_pairs(config.pairs, context, "ips_logloss")

    def value(self, rows: ScoredRows) -> float:
        return float(_weighed(self.errors(rows), rows).sum() / self.n_pairs)


class SelfNormalizedLogLoss(_OfLabels):
    """``snips_logloss = sum_i (o_i / P_i) / sum_i (1 / P_i)``: as ``snips``, o the log loss of a 0/1 label."""

    def __init__(self, config: NoOptions, context: MetricContext) -> None:
        pass

    def value(self, rows: ScoredRows) -> float:
        return float(_weighed(self.errors(rows), rows).sum() / _inverse(rows).sum())


def _n_pairs(pairs: int | None, context: MetricContext, name: str) -> float:
    found = context.n_pairs if pairs is None else pairs
    if found is None:
        raise ConfigError(f"evaluate.options.{name}.pairs: give the number of pairs that the rows are drawn from")
    return float(found)


def _inverse(rows: ScoredRows) -> Tensor:
    assert rows.propensities is not None  # see READS_PROPENSITIES
    return 1 / rows.propensities.double()


def _weighed(errors: Tensor, rows: ScoredRows) -> Tensor:
    return errors * _inverse(rows)
