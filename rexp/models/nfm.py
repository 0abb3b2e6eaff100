"""Neural factorization machine: layers over the pooled products of fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rexp.models._fields import FieldModel, Parts, TowerOptions
from rexp.nn.dropout import Dropout
from rexp.nn.interactions import bi_interaction
from rexp.nn.tower import FieldTower

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.api import DataSpec, Query


@dataclass(frozen=True)
class NFMConfig(TowerOptions):
    """Options of :class:`NFM`.

    Args:
        pooled_dropout: rate on the pooled products, the layers' input.
    """

    pooled_dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.pooled_dropout < 1:
            raise ValueError(f"pooled_dropout={self.pooled_dropout} must be at least 0 and below 1")


class NFM(FieldModel):
    """``b + sum of w_f + h · layers(sum over pairs of v_f * v_g)`` (He and Chua: Neural factorization machines for
    sparse predictive analytics, SIGIR 2017, eq. 3 to 8).

    With ``s`` the sum of a side's vectors and ``p`` its pooled products, the pooled products of all are ``p_u + p_i +
    s_u * s_i``.
    """

    Config: ClassVar[type] = NFMConfig

    def __init__(self, config: NFMConfig, spec: DataSpec) -> None:
        super().__init__(config, spec, first_order=True)
        self.config = config
        self.tower = FieldTower([config.factors], config.layers, config.dropout, batch_norm=config.batch_norm)
        self.dropout = Dropout(config.pooled_dropout)

    def user_part(self, query: Query) -> Parts:
        """The sum of the vectors, their pooled products, and the sum of the weights."""
        fields = self.fields.user_side(query)
        return fields.sum(-2), bi_interaction(fields), self.wide(query)

    def item_part(self, items: Tensor) -> Parts:
        """The same of items."""
        fields = self.fields.item_side(items)
        return fields.sum(-2), bi_interaction(fields), self.wide_items(items)

    def pair(self, user: Parts, item: Parts) -> Tensor:
        """The tower over all pooled products."""
        pooled = user[0] * item[0] + user[1] + item[1]
        scores: Tensor = user[2] + item[2] + self.tower(self.dropout(pooled))[..., 0]
        return scores
