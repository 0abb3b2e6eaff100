"""Accumulates per-user metrics over blocks of users, in float64 and in the order of the users, whatever the blocks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import torch

from rexp.evaluate.list_contexts import mean_by_owner
from rexp.plugins.faults import check_shape

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from rexp.api import AggregateMetric, MetricContext, Ties, TopKLists, UserMetric
    from rexp.evaluate.tie_breaking import ExactMetric, Orders


class MetricAccumulator:
    """The values of one pass over all users.

    Args:
        metrics: metrics of ranked lists by name.
        cuts: the cuts k.
        n_users: users of the pass.
        context: gives the number of items.
        orders: of equal scores, over which values are averaged.
        owner: the user of every list, where users have several; then the lists of the pass are numbered.
    """

    def __init__(
        self,
        metrics: Mapping[str, UserMetric | AggregateMetric],
        cuts: Sequence[int],
        n_users: int,
        context: MetricContext,
        orders: Orders,
        owner: Tensor | None = None,
    ) -> None:
        self.owner = owner
        self.by_user = {name: metric for name, metric in metrics.items() if metric.kind == "users"}
        self.by_catalogue = {name: metric for name, metric in metrics.items() if metric.kind == "catalogue"}
        self.cuts, self.orders = list(dict.fromkeys(cuts)), orders
        self.values = {
            f"{name}@{k}": torch.zeros(n_users, dtype=torch.float64) for k in self.cuts for name in self.by_user
        }
        count = context.train_users_per_item.new_zeros(orders.draws, len(context.train_users_per_item))
        self.counts = {k: count.clone() for k in self.cuts if self.by_catalogue}

    def add(self, start: int, lists: TopKLists, ties: Ties | None = None, draw: int = 0) -> None:
        """Take in the lists of the users ``start``, ``start + 1`` ... of the pass.

        Args:
            ties: of these lists, where there are exact metrics.
            draw: number of the random order.
        """
        stop = start + len(lists.users)
        if self.owner is not None:
            lists = replace(lists, users=self.owner[lists.users])
        for k in self.cuts:
            for name, metric in self.by_user.items():
                values = self.values[f"{name}@{k}"][start:stop]
                if name not in self.orders.exact:
                    found, draws = metric.per_user(lists, k), self.orders.draws
                elif draw == 0:
                    assert ties is not None
                    found, draws = cast("ExactMetric", metric).expected(lists, ties, k), 1
                else:
                    continue
                check_shape(metric, "values of users", found.shape, values.shape)
                values += found.cpu() / draws
        for k, counts in self.counts.items():
            items = lists.items[:, :k]
            counts[draw] += torch.bincount(items[items >= 0], minlength=counts.shape[1])

    def average_lists(self, users: Tensor) -> None:
        """Let every user have one value, the mean over its lists, at the end of a pass.

        Args:
            users: (L,) of every list of the pass.
        """
        self.values = {name: mean_by_owner(values, users.cpu()) for name, values in self.values.items()}

    def means_of(self, lists: Tensor, users: Tensor) -> tuple[int, dict[str, float]]:
        """Users who have one of some lists, and the mean over them of every metric, each user's lists averaged first.

        Args:
            lists: (L,) bool, which lists of the pass count.
            users: (L,) of every list of the pass.
        """
        lists = lists.cpu()
        own = users.cpu()[lists]
        means = {name: mean_by_owner(values[lists], own) for name, values in self.values.items()}
        return len(set(own.tolist())), {name: float(values.nanmean()) for name, values in means.items()}

    def per_user(self) -> dict[str, np.ndarray[Any, Any]]:
        """(n_users,) float64 of each metric with a value a user."""
        return {name: values.numpy() for name, values in self.values.items()}

    def means(self, names: Sequence[str]) -> dict[str, float]:
        """Every metric at every cut, in the order of ``names``; users without a value (NaN) are left out of a mean."""
        found = {}
        for name in names:
            for k in self.cuts:
                if name in self.by_user:
                    found[f"{name}@{k}"] = float(self.values[f"{name}@{k}"].nanmean())
                elif name in self.by_catalogue:
                    values = [float(self.by_catalogue[name].value(counts)) for counts in self.counts[k]]
                    found[f"{name}@{k}"] = math.fsum(values) / len(values)
        return found

    def undefined(self) -> dict[str, int]:
        """Number of users without a value, for metrics that are undefined for some."""
        missing = {name: int(values.isnan().sum()) for name, values in self.values.items()}
        return {name: count for name, count in missing.items() if count}
