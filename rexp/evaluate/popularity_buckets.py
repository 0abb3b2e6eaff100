"""Metrics by the popularity of what is asked for: a list is measured as if the other targets were none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rexp.api import TopKLists
from rexp.evaluate.accumulator import MetricAccumulator

if TYPE_CHECKING:
    from rexp.api import MetricContext, UserMetric
    from rexp.data.types import Part
    from rexp.evaluate.tie_breaking import Orders, TieGroups
    from rexp.evaluate.user_items import UserItems
    from rexp.io.json_types import Json

BUCKETS = ("cold", "cool", "warm")


class PopularityBuckets:
    """The values of one pass over the test users, for the targets of each bucket apart; of other parts nothing.

    The items of a bucket have about a third of the training interactions together: few are warm, most are cold.

    Args:
        targets: what is asked for.
        users: of the pass, or its lists, in its order.
        metrics: those with a value a user, by name.
        cuts, context, orders: see :class:`rexp.evaluate.accumulator.MetricAccumulator`.
        part: which part is measured.
        owner: the user of every list, where users have several; targets and ``users`` are then of lists, and means are
            over users, their lists averaged.
    """

    def __init__(
        self,
        targets: UserItems,
        users: Tensor,
        metrics: Mapping[str, UserMetric],
        cuts: Sequence[int],
        context: MetricContext,
        orders: Orders,
        part: Part,
        owner: Tensor | None = None,
    ) -> None:
        self.targets, self.users, self.owner = targets, users, owner
        self.low, self.high = thirds(context.train_users_per_item)
        popularity = context.train_users_per_item
        bucket = (popularity > self.low).long() + (popularity > self.high).long()
        names = BUCKETS if part == "test" and metrics else ()  # validation takes place every epoch
        self.of_bucket = {name: bucket == place for place, name in enumerate(names)}
        self.tallies = {name: MetricAccumulator(metrics, cuts, len(users), context, orders, owner) for name in names}

    def add(self, start: int, lists: TopKLists, groups: TieGroups | None = None, draw: int = 0) -> None:
        """As :meth:`Tally.add`; ``groups`` are the lists' groups of equal scores, where there are exact metrics."""
        for name, tally in self.tallies.items():
            add_of_targets(tally, start, lists, groups, draw, self.targets, self.of_bucket[name])

    def facts(self) -> Json:
        """``by_popularity``: the most training users of a cold and of a cool item, and each bucket's users and means.

        A mean is over the users who have a target in the bucket; None where no user has one.
        """
        if not self.tallies:
            return {}
        rows, items = self.targets.block(self.users)
        found: Json = {"most_users": [self.low, self.high]}
        for name, tally in self.tallies.items():
            asked = torch.bincount(rows[self.of_bucket[name][items]], minlength=len(self.users)) > 0
            n_users, means = tally.means_of(asked, self.users if self.owner is None else self.owner[self.users])
            known = {metric: mean if mean == mean else None for metric, mean in means.items()}  # NaN is no fact
            found[name] = {"n_users": n_users, "metrics": known}
        return {"by_popularity": found}


def add_of_targets(
    tally: MetricAccumulator,
    start: int,
    lists: TopKLists,
    groups: TieGroups | None,
    draw: int,
    targets: UserItems,
    chosen: Tensor,
) -> None:
    """Let a tally take in lists as if the targets that are not ``chosen`` (n_items,) were none."""
    lists = of_targets(lists, targets, chosen)
    tally.add(start, lists, None if groups is None else groups.ties(lists.hits, chosen), draw)


def of_targets(lists: TopKLists, targets: UserItems, chosen: Tensor) -> TopKLists:
    """The same lists, as if the targets that are not ``chosen`` (n_items,) were none."""
    rows, items = targets.block(lists.users)
    relevant = torch.bincount(rows[chosen[items]], minlength=len(lists.users))
    hits = lists.hits & chosen[lists.items.clamp(min=0)]
    return TopKLists(lists.users, lists.items, hits, relevant.clamp(min=1))


def thirds(popularity: Tensor) -> tuple[int, int]:
    """The popularity of the item at which, from the least popular on, one and two thirds of the interactions are had.

    >>> thirds(torch.tensor([0, 1, 1, 1, 3, 3]))
    (1, 3)
    """
    ascending = popularity.sort().values
    shares = ascending.cumsum(0).double() / max(1, int(ascending.sum()))
    places = torch.searchsorted(shares, torch.tensor([1 / 3, 2 / 3], dtype=torch.float64, device=shares.device))
    low, high = ascending[places.clamp(max=len(ascending) - 1)].tolist()
    return int(low), int(high)
