"""The publisher's own parts, as they are; validation may be cut from the training part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from rexp.api import SplitRows
from rexp.splits._ranks import ranks_in_user

if TYPE_CHECKING:
    from rexp.data.interactions import Interactions


@dataclass(frozen=True)
class GivenConfig:
    """Options of :class:`Given`.

    Args:
        valid: training interactions of every user that become validation, where the data has no such part.
        order: take the ``last`` ones or ``random`` ones.
        seed: of the draw.
    """

    valid: int = 0
    order: Literal["last", "random"] = "last"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.valid < 0:
            raise ValueError(f"valid={self.valid} cannot be negative")
        if self.seed < 0:
            raise ValueError(f"seed={self.seed} must not be negative")


class Given:
    """Keeps the given parts; :meth:`split` sees the training part alone."""

    Config: ClassVar[type] = GivenConfig
    uses_given_parts: ClassVar[bool] = True

    def __init__(self, config: GivenConfig) -> None:
        self.config = config

    def split(self, interactions: Interactions) -> SplitRows:
        """Train and valid rows of the given training part; a user keeps at least one training row. Test is empty."""
        config = self.config
        ranks, counts = ranks_in_user(interactions, config.seed if config.order == "random" else None)
        valid = (counts > config.valid) & (counts - 1 - ranks < config.valid)
        return SplitRows(~valid, valid, np.zeros(len(interactions), bool))
