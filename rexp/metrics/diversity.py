"""Diversity of recommendation lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

from rexp.errors import ConfigError
from rexp.metrics.options import NoOptions

if TYPE_CHECKING:
    from rexp.api import MetricContext, TopKLists


class IntraListDistance:
    """``ild@k = mean over the pairs i < j of the list of 1 - cos(f_i, f_j)`` (Zhang and Hurley, RecSys 2008).

    f are the item features; an item without any has distance 1 to every other. NaN for lists under two items.

    Raises:
        ConfigError: the data gives no item features.
    """

    Config: ClassVar[type] = NoOptions
    kind: ClassVar[Literal["users"]] = "users"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, config: NoOptions, context: MetricContext) -> None:
        if context.item_features is None:
            raise ConfigError(
                "the metric 'ild' needs item features to measure distances by: set evaluate.item_features to a column "
                "of the items' table (such as genres), or leave ild out of evaluate.metrics"
            )
        self.features = normalize(context.item_features.double(), dim=1)

    def per_user(self, lists: TopKLists, k: int) -> Tensor:
        items = lists.items[:, :k]
        present = (items >= 0).double()
        vectors = self.features[items.clamp(min=0)] * present.unsqueeze(-1)
        # The cosines of all ordered pairs are |sum of vectors|² without the vectors' own squares.
        cosines = vectors.sum(1).square().sum(1) - vectors.square().sum((1, 2))
        length = present.sum(1)
        pairs = length * (length - 1)
        return torch.where(pairs > 0, 1 - cosines / pairs, torch.nan)
