"""Metrics of labeled rows. s is a row's score, y its label: 0 or 1, or the rating in :class:`RootMeanSquaredError` and
:class:`MeanAbsoluteError`. A probability is sigmoid(s)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor

from rexp.metrics._ranks import mean_ranks
from rexp.metrics.options import Decision, NoOptions

if TYPE_CHECKING:
    from rexp.api import MetricContext, ScoredRows


class _Rows:
    """A metric of labeled rows without options; of 0/1 labels unless it says otherwise."""

    Config: ClassVar[type] = NoOptions
    kind: ClassVar[Literal["rows"]] = "rows"
    labels: ClassVar[Literal["binary", "rating"]] = "binary"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, config: NoOptions, context: MetricContext) -> None:
        pass


class _Decided(_Rows):
    """A metric of decisions, sigmoid(s) >= threshold."""

    Config: ClassVar[type] = Decision

    def __init__(self, config: Decision, context: MetricContext) -> None:
        self.threshold = config.threshold

    def _decide(self, rows: ScoredRows) -> Tensor:
        return rows.scores.double().sigmoid() >= self.threshold


class AUC(_Rows):
    """The chance that a positive row scores above a negative one, over all rows of all users, a tie counting one half.

    ``auc = (sum of the positives' ranks - p (p + 1) / 2) / (p n)`` with p positives, n negatives and mean ranks
    (Mann and Whitney, 1947). NaN where one label is missing.
    """

    def value(self, rows: ScoredRows) -> float:
        positive = rows.labels > 0
        ranks = mean_ranks(rows.scores, torch.zeros_like(rows.users))
        p = float(positive.sum())
        n = len(positive) - p
        return float((ranks[positive].sum() - p * (p + 1) / 2) / (p * n)) if p and n else float("nan")


class GroupedAUC(_Rows):
    """``gauc``: the AUC within a user's rows, averaged over the users who have both labels, each counting the same.

    Zhu et al., KDD 2017, weigh users by their impressions instead. NaN where no user has both labels.
    """

    def value(self, rows: ScoredRows) -> float:
        users, user = torch.unique(rows.users, return_inverse=True)
        positive = (rows.labels > 0).double()
        ranks = mean_ranks(rows.scores, user)
        p = torch.zeros(len(users), dtype=torch.float64, device=user.device).index_add_(0, user, positive)
        n = torch.bincount(user, minlength=len(users)) - p
        rank_sum = torch.zeros_like(p).index_add_(0, user, ranks * positive)
        both = (p > 0) & (n > 0)
        return float(((rank_sum - p * (p + 1) / 2) / (p * n))[both].mean())


class LogLoss(_Rows):
    """``logloss = -mean(y ln q + (1 - y) ln(1 - q))``, q = sigmoid(s) clamped to [1e-7, 1 - 1e-7]."""

    higher_is_better: ClassVar[bool] = False

    def value(self, rows: ScoredRows) -> float:
        q = rows.scores.double().sigmoid().clamp(1e-7, 1 - 1e-7)
        y = (rows.labels > 0).double()
        return float(-(y * q.log() + (1 - y) * (1 - q).log()).mean())


class Accuracy(_Decided):
    """The share of rows whose decision, q >= threshold, is their label."""

    def value(self, rows: ScoredRows) -> float:
        return float((self._decide(rows) == (rows.labels > 0)).double().mean())


class F1(_Decided):
    """``f1 = 2 tp / (2 tp + fp + fn)`` of decisions q >= threshold; 0 without a true positive (van Rijsbergen 1979)."""

    def value(self, rows: ScoredRows) -> float:
        decided, positive = self._decide(rows), rows.labels > 0
        both = float((decided & positive).sum())
        either = float(decided.sum() + positive.sum())
        return 2 * both / either if either else 0.0


class RootMeanSquaredError(_Rows):
    """``rmse = sqrt(mean((s - y)²))``, y the rating on its own scale."""

    labels: ClassVar[Literal["binary", "rating"]] = "rating"
    higher_is_better: ClassVar[bool] = False

    def value(self, rows: ScoredRows) -> float:
        return float((rows.scores.double() - rows.labels.double()).square().mean().sqrt())


class MeanAbsoluteError(_Rows):
    """``mae = mean(|s - y|)``, y the rating on its own scale."""

    labels: ClassVar[Literal["binary", "rating"]] = "rating"
    higher_is_better: ClassVar[bool] = False

    def value(self, rows: ScoredRows) -> float:
        return float((rows.scores.double() - rows.labels.double()).abs().mean())
