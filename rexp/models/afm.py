"""Attentional factorization machine: pairs of fields, weighted by attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import nn

from rexp.models._fields import FieldModel, FieldOptions, Parts, joined
from rexp.nn.dropout import Dropout
from rexp.nn.embedding import initialize
from rexp.nn.field_attention import PairAttention

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.api import DataSpec, Query


@dataclass(frozen=True)
class AFMConfig(FieldOptions):
    """Options of :class:`AFM`.

    Args:
        attention: hidden units of the attention network.
        dropout: rate on the weighted mean of the pairs.
    """

    attention: int = 16
    dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.attention < 1:
            raise ValueError(f"attention={self.attention} must be 1 or more")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout} must be at least 0 and below 1")


class AFM(FieldModel):
    """``b + sum of w_f + p · sum over pairs of a_fg v_f * v_g``, where attention makes the weights a (Xiao et al.:
    Attentional factorization machines, IJCAI 2017, eq. 6)."""

    Config: ClassVar[type] = AFMConfig

    def __init__(self, config: AFMConfig, spec: DataSpec) -> None:
        super().__init__(config, spec, first_order=True)
        self.config = config
        self.attention = PairAttention(config.factors, config.attention)
        self.dropout = Dropout(config.dropout)
        self.output = nn.Linear(config.factors, 1)
        initialize(self.output.weight, "glorot_uniform")
        nn.init.zeros_(self.output.bias)

    def user_part(self, query: Query) -> Parts:
        """The vectors of the fields, and the sum of the weights."""
        return self.fields.user_side(query), self.wide(query)

    def item_part(self, items: Tensor) -> Parts:
        """The same of items."""
        return self.fields.item_side(items), self.wide_items(items)

    def pair(self, user: Parts, item: Parts) -> Tensor:
        """Attention over the pairs of all fields."""
        mean = self.attention(joined(user[0], item[0], -2))
        scores: Tensor = user[1] + item[1] + self.output(self.dropout(mean))[..., 0]
        return scores
