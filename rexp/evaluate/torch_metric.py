"""Ranking metrics as ``torchmetrics.Metric``, for training loops of one's own; the same bits in one process or many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from rexp.api import MetricContext, TopKLists
from rexp.errors import ConfigError, RunError
from rexp.evaluate.topk import stable_topk
from rexp.plugins import registry
from rexp.plugins.options import from_options

if TYPE_CHECKING:
    from rexp.api import UserMetric
    from rexp.plugins.options import NodeView

NO_CONTEXT = MetricContext(0, torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64))


def as_torchmetric(
    name: str,
    k: int = 10,
    *,
    metric_options: NodeView | None = None,
    context: MetricContext | None = None,
    **options: Any,
) -> RankingMetric:
    """A metric with one value a user, by its short name.

    Args:
        name: "ndcg", "recall" ... as in ``evaluate.metrics``.
        k: the cut.
        metric_options: as ``evaluate.options.NAME``.
        context: what the metric may know of the data; needed by "ild" alone.
        options: of ``torchmetrics.Metric``, such as ``sync_on_compute``.

    Raises:
        ConfigError: no such metric, one without a value a user, wrong options, or k below 1.
    """
    if k < 1:
        raise ConfigError(f"k={k}: give a cut of at least 1")
    metric_class: Any = registry.load("metric", name)
    if metric_class.kind != "users":
        raise ConfigError(f"the metric '{name}' has no value a user; take one of a user's list, such as ndcg")
    config = from_options(metric_class.Config, dict(metric_options or {}), name)
    return RankingMetric(metric_class(config, context or NO_CONTEXT), k, **options)


class RankingMetric(Metric):
    """The mean over users of a metric of ranked lists, in float64 and in the order of the users.

    Its state is every user's value, and not a sum: sums of several processes would be rounded in another order than
    those of one. A user who is seen twice, as samplers of several processes repeat some to share them evenly, counts
    once.

    Args:
        metric: with one value a user.
        k: the cut.
        options: of ``torchmetrics.Metric``.
    """

    is_differentiable = False
    full_state_update = False
    users: list[Tensor] | Tensor
    values: list[Tensor] | Tensor
    """By block; one tensor while the states of several processes are gathered."""

    def __init__(self, metric: UserMetric, k: int, **options: Any) -> None:
        super().__init__(**options)
        self.metric, self.k = metric, k
        self.__dict__["higher_is_better"] = metric.higher_is_better  # a constant of the class to torchmetrics
        self.add_state("users", default=[], dist_reduce_fx="cat")
        self.add_state("values", default=[], dist_reduce_fx="cat")

    def update(self, lists: TopKLists | Tensor, target: Tensor | None = None, users: Tensor | None = None) -> None:
        """Take in a block of users.

        Args:
            lists: their lists, at least k items long where the catalog is; or scores (B, I) of all items, -inf for
                those that are never taken, of which equal ones are ordered by item, the lower first.
            target: (B, I), with scores: not 0 for the relevant items; users without any are left out.
            users: (B,) int64, with scores: who they are.

        Raises:
            RunError: scores are NaN.
            ConfigError: scores without target or users.
        """
        if isinstance(lists, Tensor):
            lists = self._ranked(lists, target, users)
        assert isinstance(self.users, list)
        assert isinstance(self.values, list)
        self.users.append(lists.users)
        self.values.append(self.metric.per_user(lists, self.k))

    def compute(self) -> Tensor:
        """The mean over all users of all processes that have a value, float64; NaN where none has."""
        if isinstance(self.users, list) and not self.users:
            return torch.tensor(torch.nan, dtype=torch.float64)
        # On the CPU, whose sums are those of the evaluation; in the order of the users, whoever measured them.
        users, values = dim_zero_cat(self.users).cpu(), dim_zero_cat(self.values).cpu()
        order = users.argsort(stable=True)
        users, values = users[order], values[order]
        first = torch.ones_like(users, dtype=torch.bool)
        first[1:] = users[1:] != users[:-1]
        return values[first].nanmean().to(self.device)

    def sync(self, *arguments: Any, **options: Any) -> None:
        """Gather what all processes have; one without users has an empty state of the same types."""
        for state, dtype in ((self.users, torch.int64), (self.values, torch.float64)):
            if isinstance(state, list) and not state:
                state.append(torch.empty(0, dtype=dtype, device=self.device))
        super().sync(*arguments, **options)

    def _ranked(self, scores: Tensor, target: Tensor | None, users: Tensor | None) -> TopKLists:
        if target is None or users is None:
            raise ConfigError("scores need target (B, I) and users (B,) beside them")
        if scores.isnan().any():
            raise RunError("the scores are NaN")
        relevant = target != 0
        kept = relevant.any(1)
        scores, relevant, users = scores[kept], relevant[kept], users[kept]
        lower_first = torch.arange(scores.shape[1] - 1, -1, -1, device=scores.device).unsqueeze(0)
        items, _ = stable_topk(scores, self.k, lower_first)
        hits = relevant.gather(1, items.clamp(min=0)) & (items >= 0)
        return TopKLists(users.long(), items, hits, relevant.sum(1))
