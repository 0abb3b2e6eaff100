"""Metrics of labeled rows: their order, and errors of ratings. s is a row's score, y its label or rating."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch

from rexp.metrics._cuts import cuts
from rexp.metrics._ranks import mean_ranks
from rexp.metrics._row_metric import RowMetric, is_positive
from rexp.metrics.options import UserWeights

if TYPE_CHECKING:
    from rexp.api import MetricContext, ScoredRows


class AUC(RowMetric):
    """The chance that a positive row scores above a negative one, over all rows of all users, a tie counting one half.

    ``auc = (sum of the positives' ranks - p (p + 1) / 2) / (p n)`` with p positives, n negatives and mean ranks
    (Mann and Whitney, 1947). NaN where one label is missing.
    """

    def value(self, rows: ScoredRows) -> float:
        positive = is_positive(rows)
        ranks = mean_ranks(rows.scores, torch.zeros_like(rows.users))
        p = float(positive.sum())
        n = len(positive) - p
        return float((ranks[positive].sum() - p * (p + 1) / 2) / (p * n)) if p and n else float("nan")


class GroupedAUC(RowMetric):
    """``gauc = sum_u w_u auc_u / sum_u w_u`` over the users who have both labels, of the AUC within a user's rows.

    w is 1, or with ``weights=impressions`` the number of the user's rows (Zhu et al., KDD 2017, eq. 9). NaN where no
    user has both labels.
    """

    Config: ClassVar[type] = UserWeights

    def __init__(self, config: UserWeights, context: MetricContext) -> None:
        self.weights = config.weights

    def value(self, rows: ScoredRows) -> float:
        users, user = torch.unique(rows.users, return_inverse=True)
        positive = (is_positive(rows)).double()
        ranks = mean_ranks(rows.scores, user)
        p = torch.zeros(len(users), dtype=torch.float64, device=user.device).index_add_(0, user, positive)
        n = torch.bincount(user, minlength=len(users)) - p
        rank_sum = torch.zeros_like(p).index_add_(0, user, ranks * positive)
        both = (p > 0) & (n > 0)
        auc = ((rank_sum - p * (p + 1) / 2) / (p * n))[both]
        weights = (p + n)[both] if self.weights == "impressions" else torch.ones_like(auc)
        return float((auc * weights).sum() / weights.sum())


class AveragePrecision(RowMetric):
    """``pr_auc = sum_n (recall_n - recall_{n-1}) precision_n`` over the distinct scores, highest first.

    The average precision of scikit-learn: a step function, without interpolation (Davis and Goadrich, ICML 2006, show
    that lines between the points promise too much). Rows of equal scores are decided together. NaN without a positive.
    """

    def value(self, rows: ScoredRows) -> float:
        at = cuts(rows.scores, is_positive(rows))
        found = at.true_positives
        gained = torch.diff(found, prepend=found.new_zeros(1))
        return float((gained * found / at.decided).sum() / found[-1]) if len(found) and found[-1] else float("nan")


class MeanSquaredError(RowMetric):
    """``mse = mean((s - y)²)``, y the rating on its own scale."""

    labels: ClassVar[Literal["binary", "rating"]] = "rating"
    higher_is_better: ClassVar[bool] = False

    def value(self, rows: ScoredRows) -> float:
        return float((rows.scores.double() - rows.labels.double()).square().mean())


class RootMeanSquaredError(RowMetric):
    """``rmse = sqrt(mean((s - y)²))``, y the rating on its own scale."""

    labels: ClassVar[Literal["binary", "rating"]] = "rating"
    higher_is_better: ClassVar[bool] = False

    def value(self, rows: ScoredRows) -> float:
        return float((rows.scores.double() - rows.labels.double()).square().mean().sqrt())


class MeanAbsoluteError(RowMetric):
    """``mae = mean(|s - y|)``, y the rating on its own scale."""

    labels: ClassVar[Literal["binary", "rating"]] = "rating"
    higher_is_better: ClassVar[bool] = False

    def value(self, rows: ScoredRows) -> float:
        return float((rows.scores.double() - rows.labels.double()).abs().mean())
