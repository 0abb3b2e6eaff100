"""A multilayer perceptron over ids, features and context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rexp.models._fields import FieldModel, Parts, TowerOptions
from rexp.nn.tower import FieldTower

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.api import DataSpec, Query


@dataclass(frozen=True)
class MLPConfig(TowerOptions):
    """Options of :class:`MLP`."""


class MLP(FieldModel):
    """Layers over the joined vectors of all fields, as in the ranking network of Covington, Adams and Sargin (Deep
    neural networks for YouTube recommendations, RecSys 2016, §4); the DNN of BARS (Zhu et al., SIGIR 2022).

    What it is trained for is the loss's: ratings with ``loss=mse loss.target=rating``, labels with ``loss=bce``.
    """

    Config: ClassVar[type] = MLPConfig

    def __init__(self, config: MLPConfig, spec: DataSpec) -> None:
        super().__init__(config, spec, first_order=False)
        self.config = config
        self.tower = FieldTower(self.sides(config.factors), config.layers, config.dropout, batch_norm=config.batch_norm)

    def user_part(self, query: Query) -> Parts:
        """The users' part of the first layer."""
        return (self.tower.part(0, self.flat(query)),)

    def item_part(self, items: Tensor) -> Parts:
        """The items' part of the first layer."""
        return (self.tower.part(1, self.flat_items(items)),)

    def pair(self, user: Parts, item: Parts) -> Tensor:
        """The layers above their sum."""
        return self.tower.above(user[0] + item[0])[..., 0]
