"""DCN V2: cross layers beside, or below, a tower."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from torch import nn

from rexp.models._fields import FieldModel, Parts, TowerOptions, joined
from rexp.nn.cross import CrossMixture, CrossNet
from rexp.nn.embedding import initialize
from rexp.nn.tower import FieldTower

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.api import DataSpec, Query


@dataclass(frozen=True)
class DCNConfig(TowerOptions):
    """Options of :class:`DCN`.

    Args:
        cross: cross layers.
        structure: ``parallel``: cross layers and tower read the fields, their outputs are added; ``stacked``: the tower
            reads the cross layers' output; ``cross``: no tower.
        rank: of the cross layers' weights; null: full.
        experts: of each cross layer with a rank; more than 1 are mixed by the input.
    """

    cross: int = 2
    structure: Literal["parallel", "stacked", "cross"] = "parallel"
    rank: int | None = None
    experts: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cross < 1 or self.experts < 1 or (self.rank is not None and self.rank < 1):
            raise ValueError(f"cross={self.cross}, rank={self.rank} and experts={self.experts} must be 1 or more")
        if self.experts > 1 and self.rank is None:
            raise ValueError(f"experts={self.experts} are of low rank; give rank=32, say")


class DCN(FieldModel):
    """Cross layers and a tower over the joined vectors of all fields (Wang et al.: DCN V2: Improved deep & cross
    network, WWW 2021, figure 1). ``[cross, deep] · w + b`` of the parallel structure is the sum of two outputs."""

    Config: ClassVar[type] = DCNConfig

    def __init__(self, config: DCNConfig, spec: DataSpec) -> None:
        super().__init__(config, spec, first_order=False)
        self.config = config
        sides = self.sides(config.factors)
        width = sum(sides)
        if config.rank is not None and config.experts > 1:
            self.cross: nn.Module = CrossMixture(width, config.cross, config.rank, config.experts)
        else:
            self.cross = CrossNet(width, config.cross, config.rank)
        inputs = [width] if config.structure == "stacked" else list(sides)
        if config.structure != "cross":
            self.tower = FieldTower(inputs, config.layers, config.dropout, batch_norm=config.batch_norm)
        if config.structure != "stacked":
            # Where a tower stands beside it, that has the bias.
            self.output = nn.Linear(width, 1, bias=config.structure == "cross")
            initialize(self.output.weight, "glorot_uniform")
            if self.output.bias is not None:
                nn.init.zeros_(self.output.bias)

    def user_part(self, query: Query) -> Parts:
        """The joined vectors, and their part of a parallel tower's first layer."""
        flat = self.flat(query)
        return (flat, self.tower.part(0, flat)) if self.config.structure == "parallel" else (flat,)

    def item_part(self, items: Tensor) -> Parts:
        """The same of items."""
        flat = self.flat_items(items)
        return (flat, self.tower.part(1, flat)) if self.config.structure == "parallel" else (flat,)

    def pair(self, user: Parts, item: Parts) -> Tensor:
        """Cross layers over all fields, and the tower."""
        crossed = self.cross(joined(user[0], item[0], -1))
        top = self.tower if self.config.structure == "stacked" else self.output
        scores: Tensor = top(crossed)[..., 0]
        if self.config.structure == "stacked":
            return scores
        return scores if self.config.structure == "cross" else scores + self.tower.above(user[1] + item[1])[..., 0]
