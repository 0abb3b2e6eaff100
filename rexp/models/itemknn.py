"""Item-based nearest neighbors."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rexp.api import Capability
from rexp.models._item_item import ItemItem
from rexp.models._neighbors import KNNConfig, compared, ratings

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rexp.api import DataSpec, Query
    from rexp.data.split import Split


class ItemKNN(ItemItem):
    """Item-based collaborative filtering (Sarwar, Karypis, Konstan, Riedl: Item-based collaborative filtering
    recommendation algorithms, WWW 2001; Deshpande & Karypis, TOIS 2004), by the definitions of Ferrari Dacrema et al.
    (TOIS 2021).

    The weights keep the ``top_k`` neighbors of every item. A user's rating is predicted from those of them that the
    user rated.
    """

    Config: ClassVar[type] = KNNConfig

    def __init__(self, config: KNNConfig, spec: DataSpec) -> None:
        super().__init__(spec)
        self.config = config
        self.ratings = ratings(spec, config)

    def capabilities(self) -> frozenset[Capability]:
        """Closed form; a rating where ``predict`` says so."""
        return super().capabilities() | ({Capability.PREDICTS_RATINGS} if self.ratings else set())

    def bind(self, split: Split) -> None:
        """Take the users' training items and, where they are predicted, their ratings."""
        super().bind(split)
        if self.ratings:
            self.ratings.bind(split)

    def fit(self, split: Split, generator: Generator) -> None:
        """Compare all items; nothing is drawn."""
        self.weights.assign(self.config.of(compared(split, self.config)).T)
        if self.ratings:
            self.ratings.fit()

    def score_all(self, query: Query) -> Tensor:
        """(B, I) scores of the whole catalogue, or ratings."""
        if self.ratings is None:
            return super().score_all(query)
        users, weights = query.users.cpu().numpy(), self.weights.scipy()
        differences = self.ratings.residuals()[users] @ weights
        return self.ratings.predict(query.users, differences, self.ratings.rated()[users] @ abs(weights))
