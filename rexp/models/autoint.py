"""AutoInt: self-attention between fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import nn

from rexp.models._fields import FieldModel, Parts, TowerOptions, joined
from rexp.nn.embedding import initialize
from rexp.nn.field_attention import FieldAttention
from rexp.nn.tower import FieldTower

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.api import DataSpec, Query


@dataclass(frozen=True)
class AutoIntConfig(TowerOptions):
    """Options of :class:`AutoInt`.

    Args:
        attention: layers of attention.
        heads: in every layer.
        head_size: numbers a field has of each head.
        deep: add a tower over the fields' vectors, as the paper's AutoInt+; ``layers``, ``dropout`` and ``batch_norm``
            are the tower's.
    """

    attention: int = 2
    heads: int = 2
    head_size: int = 8
    deep: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.attention, self.heads, self.head_size) < 1:
            raise ValueError(
                f"attention={self.attention}, heads={self.heads} and head_size={self.head_size} must be 1 or more"
            )


class AutoInt(FieldModel):
    """A linear output over fields that layers of attention have made of one another (Song et al.: AutoInt, Automatic
    feature interaction learning via self-attentive neural networks, CIKM 2019)."""

    Config: ClassVar[type] = AutoIntConfig

    def __init__(self, config: AutoIntConfig, spec: DataSpec) -> None:
        super().__init__(config, spec, first_order=False)
        self.config = config
        width = config.heads * config.head_size
        sizes = [config.factors, *[width] * (config.attention - 1)]
        self.attention = nn.Sequential(*(FieldAttention(size, config.heads, config.head_size) for size in sizes))
        self.output = nn.Linear(width * len(self.fields.names), 1, bias=not config.deep)
        initialize(self.output.weight, "glorot_uniform")
        if config.deep:
            sides = self.sides(config.factors)
            self.tower = FieldTower(sides, config.layers, config.dropout, batch_norm=config.batch_norm)
        else:
            nn.init.zeros_(self.output.bias)

    def user_part(self, query: Query) -> Parts:
        """The vectors of the fields, and their part of the tower's first layer where there is one."""
        fields = self.fields.user_side(query)
        return (fields, self.tower.part(0, fields.flatten(-2))) if self.config.deep else (fields,)

    def item_part(self, items: Tensor) -> Parts:
        """The same of items."""
        fields = self.fields.item_side(items)
        return (fields, self.tower.part(1, fields.flatten(-2))) if self.config.deep else (fields,)

    def pair(self, user: Parts, item: Parts) -> Tensor:
        """Attention between all fields, and the tower."""
        found = self.attention(joined(user[0], item[0], -2))
        scores: Tensor = self.output(found.flatten(-2))[..., 0]
        return scores + self.tower.above(user[1] + item[1])[..., 0] if self.config.deep else scores
