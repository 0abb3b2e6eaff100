"""Tie-breaking rules for equal scores, and expectations over their orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from rexp.api import Ties, UserMetric
from rexp.evaluate.counter_rng import random_bits

if TYPE_CHECKING:
    from rexp.api import AggregateMetric, TopKLists
    from rexp.evaluate.user_items import UserItems

DRAWS = 8
"""Random orders over which the rule "expected" averages a metric that has no formula for all of them."""


class ExactMetric(UserMetric, Protocol):
    """A metric that has a formula for the mean over all orders of equal scores."""

    def expected(self, lists: TopKLists, ties: Ties, k: int) -> Tensor:
        """(B,) float64, see :class:`rexp.api.UserMetric`."""
        ...


@dataclass(frozen=True)
class Orders:
    """The orders of equal scores that values are taken over.

    Args:
        exact: metrics whose mean over all orders is computed.
        drawn: metrics whose mean over ``draws`` random orders is taken.
        draws: how many lists every user gets.
    """

    exact: frozenset[str] = frozenset()
    drawn: tuple[str, ...] = ()
    draws: int = 1


def orders_of(rule: str, metrics: Mapping[str, UserMetric | AggregateMetric]) -> Orders:
    """The orders that a rule asks for: one, but for "expected"."""
    if rule != "expected":
        return Orders()
    exact = frozenset(name for name, metric in metrics.items() if _has_formula(type(metric)))
    drawn = tuple(name for name in metrics if name not in exact)
    return Orders(exact, drawn, DRAWS if drawn else 1)


def _has_formula(metric: type) -> bool:
    """Whether ``expected`` is of the metric that ``per_user`` is; one that changes this alone inherits none."""
    own = next((cls for cls in metric.__mro__ if {"expected", "per_user"} & vars(cls).keys()), object)
    return "expected" in vars(own)


class TieGroups:
    """The groups of equal scores in a block of lists.

    Args:
        users: (B,) int64.
        scores: (B, C), as :func:`rexp.evaluate.topk.stable_topk` takes them.
        items: (B or 1, C) int64, what the columns are.
        columns, tied: (B, K), as it gives them.
        targets: what is relevant.
    """

    def __init__(
        self, users: Tensor, scores: Tensor, items: Tensor, columns: Tensor, tied: Tensor, targets: UserItems
    ) -> None:
        values = scores.gather(1, columns.clamp(min=0))
        begins = columns < 0  # nothing is there, and nothing is tied
        begins[:, 0] = True
        begins[:, 1:] |= values[:, 1:] != values[:, :-1]
        place = torch.arange(columns.shape[1], device=columns.device)
        self.first = (place * begins).cummax(1).values
        self.size = self._counted(torch.ones_like(columns))
        # The last group goes on behind the list where the rank there is tied to the next.
        self.cut = (self.first == self.first[:, -1:]) & tied[:, -1:]
        rows = tied[:, -1].nonzero().squeeze(1)
        last = scores[rows] == values[rows, -1:]
        self.size[rows] = torch.where(self.cut[rows], last.sum(1, keepdim=True), self.size[rows])
        of_rows = (items if len(items) == 1 else items[rows]).expand(len(rows), -1)
        found, column = (last & targets.contains(users[rows], of_rows)).nonzero(as_tuple=True)
        self.rows, self.items = rows[found], of_rows[found, column]

    def ties(self, hits: Tensor, chosen: Tensor | None = None) -> Ties:
        """Tie groups of the lists for metrics, restricted to the ``chosen`` (I,) targets."""
        rows = self.rows if chosen is None else self.rows[chosen[self.items]]
        in_last = torch.bincount(rows, minlength=len(hits)).unsqueeze(1)
        return Ties(self.first, self.size, torch.where(self.cut, in_last, self._counted(hits.long())))

    def _counted(self, values: Tensor) -> Tensor:
        """(B, K) sums over each place's group within the list."""
        return torch.zeros_like(values).scatter_add_(1, self.first, values).gather(1, self.first)


def tie_priority(rule: str, draw: int, users: Tensor, items: Tensor, targets: UserItems) -> Tensor:
    """Tie-breaking priorities for :func:`rexp.evaluate.topk.stable_topk`, the preferred item highest.

    Args:
        rule: "item_id", the lower item first; "pessimistic", what is not relevant first, then the lower item;
            "expected", a random order.
        draw: number of the random order.
        users: (B,) int64.
        items: (B or 1, C) int64, ascending within a row.
        targets: what is relevant.

    Returns:
        (B or 1, C) int64 >= 0, distinct within a row.
    """
    width = items.shape[1]
    earlier = torch.arange(width - 1, -1, -1, device=items.device).unsqueeze(0)
    if rule == "item_id":
        return earlier
    if rule == "pessimistic":
        return earlier + width * (~targets.contains(users, items)).long()
    # Positions, not items: a negative drawn twice is two places in the order.
    return random_bits(draw, users, earlier)
