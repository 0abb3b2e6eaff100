"""GRU4Rec: a recurrent network over the items a user took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor, nn

from rexp.models._sequential import ItemOptions, SequenceModel
from rexp.nn.embedding import initialize

if TYPE_CHECKING:
    from rexp.api import DataSpec


@dataclass(frozen=True)
class GRU4RecConfig(ItemOptions):
    """Options of :class:`GRU4Rec`.

    Args:
        factors: size of the item vectors.
        hidden: size of the recurrent state; ``layers`` of them.
        history_length: the latest items that are read.
        dropout: rate on the embeddings and between layers.
    """

    factors: int = 64
    hidden: int = 128
    layers: int = 1
    history_length: int = 50
    dropout: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("factors", "hidden", "layers", "history_length"):
            if getattr(self, key) < 1:
                raise ValueError(f"{key}={getattr(self, key)} must be 1 or more")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout} must be at least 0 and below 1")


class GRU4Rec(SequenceModel):
    """Gated recurrent units over a session (Hidasi et al., ICLR 2016), with the shared item vectors of GRU4Rec+ (2018).

    The paper trains on parallel sessions with the other sessions' items as negatives; here a user's history is the
    session, it is read from its start, and negatives come from the sampler. The state is brought to the size of the
    item vectors by a linear layer, and the same vectors are read and scored ("constrained embedding"). Features of the
    items join their ids' vectors before the one network, not in networks of their own (Hidasi et al., RecSys 2016).
    """

    Config: ClassVar[type] = GRU4RecConfig

    def __init__(self, config: GRU4RecConfig, spec: DataSpec) -> None:
        super().__init__(config.items(spec, config.factors), config.history_length)
        self.config = config
        self.dropout = nn.Dropout(config.dropout)
        between = config.dropout if config.layers > 1 else 0.0
        self.recurrent = nn.GRU(config.factors, config.hidden, config.layers, batch_first=True, dropout=between)
        self.output = nn.Linear(config.hidden, config.factors)
        initialize(self.output.weight, "glorot_uniform")
        nn.init.zeros_(self.output.bias)

    def encode(self, items: Tensor, lengths: Tensor) -> Tensor:
        """(B, L, D) states after each of ``items`` (B, L)."""
        states, _ = self.recurrent(self.dropout(self.items(items)))
        encoded: Tensor = self.output(states)
        return encoded
