"""RP3beta: random walks of three steps that do not end in popular items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rexp.models._item_item import ItemItem
from rexp.models._random_walk import walk_weights
from rexp.nn.sparse import interaction_matrix

if TYPE_CHECKING:
    from torch import Generator

    from rexp.api import DataSpec
    from rexp.data.split import Split


@dataclass(frozen=True)
class RP3BetaConfig:
    """Options of :class:`RP3Beta`.

    Args:
        alpha: power of the transition probabilities.
        beta: power of the popularity that an item's weight is divided by; 0 makes it P3alpha.
        top_k: neighbors of an item that are kept.
        normalize: an item's weights to others sum to 1.
    """

    alpha: float = 1.0
    beta: float = 0.6
    top_k: int = 100
    normalize: bool = True

    def __post_init__(self) -> None:
        if self.alpha <= 0:
            raise ValueError(f"alpha={self.alpha} must be above 0")
        if self.top_k < 1:
            raise ValueError(f"top_k={self.top_k} must be 1 or more")


class RP3Beta(ItemItem):
    """P3alpha with a penalty on popularity (Paudel, Christoffel, Newell, Bernstein: Updatable, accurate, diverse, and
    scalable recommendations for interactive applications, TiiS 2017), as Ferrari Dacrema et al. (TOIS 2021) compute it.
    """

    Config: ClassVar[type] = RP3BetaConfig

    def __init__(self, config: RP3BetaConfig, spec: DataSpec) -> None:
        super().__init__(spec)
        self.config = config

    def fit(self, split: Split, generator: Generator) -> None:
        """Multiply the two steps between items; nothing is drawn."""
        config = self.config
        self.weights.assign(
            walk_weights(
                interaction_matrix(split),
                alpha=config.alpha,
                beta=config.beta,
                top_k=config.top_k,
                normalize=config.normalize,
            )
        )
