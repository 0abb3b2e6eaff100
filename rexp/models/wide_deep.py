"""Wide & Deep: a linear model and a tower, trained together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rexp.models._fields import FieldModel, Parts, TowerOptions
from rexp.nn.tower import FieldTower

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.api import DataSpec, Query


@dataclass(frozen=True)
class WideDeepConfig(TowerOptions):
    """Options of :class:`WideDeep`."""


class WideDeep(FieldModel):
    """The sum of a weight a field and of a tower over the fields' vectors (Cheng et al.: Wide & deep learning for
    recommender systems, DLRS 2016, eq. 3). The wide part has no crossed columns; one optimizer trains both parts, where
    the paper takes FTRL with L1 for the wide one. The one bias is that of the tower's output."""

    Config: ClassVar[type] = WideDeepConfig

    def __init__(self, config: WideDeepConfig, spec: DataSpec) -> None:
        super().__init__(config, spec, first_order=True)
        self.config = config
        self.tower = FieldTower(self.sides(config.factors), config.layers, config.dropout, batch_norm=config.batch_norm)

    def user_part(self, query: Query) -> Parts:
        """The sum of the weights, and the users' part of the tower's first layer."""
        return self.wide(query), self.tower.part(0, self.flat(query))

    def item_part(self, items: Tensor) -> Parts:
        """The same of items."""
        return self.wide_items(items), self.tower.part(1, self.flat_items(items))

    def pair(self, user: Parts, item: Parts) -> Tensor:
        """Both sums, and the tower's layers above the first."""
        return user[0] + item[0] + self.tower.above(user[1] + item[1])[..., 0]
