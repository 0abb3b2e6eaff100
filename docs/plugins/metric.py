"""Average recommendation popularity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from rexp.api import MetricContext, TopKLists


@dataclass(frozen=True)
class ARPConfig:
    """Options of :class:`ARP`.

    Args:
        relative: divide by the number of users, so that 1 is an item that everybody took.
    """

    relative: bool = True


class ARP:
    """``arp@k``: the mean number of training users of the items in a list (Yin et al., PVLDB 2012).

    Lower is further from the beaten track. NaN for an empty list.
    """

    Config: ClassVar[type] = ARPConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)
    kind: ClassVar[Literal["users"]] = "users"
    higher_is_better: ClassVar[bool] = False

    def __init__(self, config: ARPConfig, context: MetricContext) -> None:
        self.popularity = context.train_users_per_item.double() / (context.n_users if config.relative else 1)

    def per_user(self, lists: TopKLists, k: int) -> Tensor:
        """(B,) float64; short lists are padded with -1."""
        items = lists.items[:, :k]
        present = items >= 0
        return (self.popularity[items.clamp(min=0)] * present).sum(1) / present.sum(1)
