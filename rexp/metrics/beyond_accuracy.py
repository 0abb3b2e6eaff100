"""Metrics of what is recommended at all, whoever likes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor

from rexp.metrics.options import NoOptions

if TYPE_CHECKING:
    from rexp.api import MetricContext, TopKLists


class Coverage:
    """``coverage@k = |{i in the catalogue: i stands in some list}| / |catalogue|``."""

    Config: ClassVar[type] = NoOptions
    kind: ClassVar[Literal["catalogue"]] = "catalogue"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, config: NoOptions, context: MetricContext) -> None:
        self.catalogue = context.catalogue

    def value(self, counts: Tensor) -> float:
        return float((counts[self.catalogue] > 0).double().mean())


class Gini:
    """``gini@k = sum_j (2j - n - 1) c_j / (n sum_j c_j)``, c ascending over the catalogue's n items, zeros included.

    0 where all items are recommended equally often, towards 1 where one takes all: lower is more equal
    (Gini 1912 in the form of Fleder and Hosanagar, Management Science 2009). NaN where nothing was recommended.
    """

    Config: ClassVar[type] = NoOptions
    kind: ClassVar[Literal["catalogue"]] = "catalogue"
    higher_is_better: ClassVar[bool] = False

    def __init__(self, config: NoOptions, context: MetricContext) -> None:
        self.catalogue = context.catalogue

    def value(self, counts: Tensor) -> float:
        ascending = counts[self.catalogue].sort().values.double()
        n = len(ascending)
        weights = 2 * torch.arange(1, n + 1, dtype=torch.float64, device=counts.device) - n - 1
        return float((weights * ascending).sum() / (n * ascending.sum()))


class Novelty:
    """``novelty@k = mean over the list of -log2((users(i) + 1) / (n_users + 1))``, in bits.

    users(i) are the item's distinct training users, n_users all users with a training interaction: the self-information
    of Zhou et al., PNAS 2010, with one added so that a cold item's is finite. NaN for an empty list.
    """

    Config: ClassVar[type] = NoOptions
    kind: ClassVar[Literal["users"]] = "users"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, config: NoOptions, context: MetricContext) -> None:
        share = (context.train_users_per_item.double() + 1) / (context.n_users + 1)
        self.information = -torch.log2(share)

    def per_user(self, lists: TopKLists, k: int) -> Tensor:
        items = lists.items[:, :k]
        present = items >= 0
        bits = self.information[items.clamp(min=0)] * present
        return bits.sum(1) / present.sum(1)
