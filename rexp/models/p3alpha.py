"""P3alpha: random walks of three steps."""

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
class P3AlphaConfig:
    """Options of :class:`P3Alpha`.

    Args:
        alpha: power of the transition probabilities.
        top_k: neighbors of an item that are kept.
        normalize: an item's weights to others sum to 1.
    """

    alpha: float = 1.0
    top_k: int = 100
    normalize: bool = False

    def __post_init__(self) -> None:
        if self.alpha <= 0:
            raise ValueError(f"alpha={self.alpha} must be above 0")
        if self.top_k < 1:
            raise ValueError(f"top_k={self.top_k} must be 1 or more")


class P3Alpha(ItemItem):
    """Where a walk user, item, user, item ends (Cooper, Lee, Radzik, Siantos: Random walks in recommender systems,
    WWW 2014), as Ferrari Dacrema et al. (TOIS 2021) compute it.
    """

    Config: ClassVar[type] = P3AlphaConfig

    def __init__(self, config: P3AlphaConfig, spec: DataSpec) -> None:
        super().__init__(spec)
        self.config = config

    def fit(self, split: Split, generator: Generator) -> None:
        """Multiply the two steps between items; nothing is drawn."""
        config = self.config
        self.weights.assign(
            walk_weights(interaction_matrix(split), alpha=config.alpha, top_k=config.top_k, normalize=config.normalize)
        )
