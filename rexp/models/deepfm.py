"""DeepFM: a factorization machine and a tower over the same vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rexp.models._fields import FieldModel, Parts, TowerOptions
from rexp.nn.interactions import machine_vectors
from rexp.nn.tower import FieldTower

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.api import DataSpec, Query


@dataclass(frozen=True)
class DeepFMConfig(TowerOptions):
    """Options of :class:`DeepFM`."""


class DeepFM(FieldModel):
    """The sum of a factorization machine's score and a tower's, which read the same vectors (Guo et al.: DeepFM, IJCAI
    2017, eq. 1). The one bias is that of the tower's output."""

    Config: ClassVar[type] = DeepFMConfig

    def __init__(self, config: DeepFMConfig, spec: DataSpec) -> None:
        super().__init__(config, spec, first_order=True)
        self.config = config
        self.tower = FieldTower(self.sides(config.factors), config.layers, config.dropout, batch_norm=config.batch_norm)

    def user_part(self, query: Query) -> Parts:
        """The machine's vectors, and the users' part of the tower's first layer."""
        assert self.weights is not None
        fields = self.fields.user_side(query)
        machine = machine_vectors(fields, self.weights.user_side(query), 0.0)
        return machine, self.tower.part(0, fields.flatten(-2))

    def item_part(self, items: Tensor) -> Parts:
        """The same of items."""
        assert self.weights is not None
        fields = self.fields.item_side(items)
        return machine_vectors(fields, self.weights.item_side(items)), self.tower.part(1, fields.flatten(-2))

    def pair(self, user: Parts, item: Parts) -> Tensor:
        """A dot product, and the tower's layers above the first."""
        return (user[0] * item[0]).sum(-1) + self.tower.above(user[1] + item[1])[..., 0]
