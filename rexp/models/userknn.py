"""Nearest users: an item is scored by how alike those who took it are to the user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rexp.api import Capability, DataSpec, Query, RecommenderModule
from rexp.models._item_item import pick
from rexp.models._neighbors import KNNConfig, compared, ratings
from rexp.nn.sparse import SparseMatrix, dense, interaction_matrix

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rexp.data.split import Split


@dataclass(frozen=True)
class UserKNNConfig(KNNConfig):
    """Options of :class:`UserKNN`: those of :class:`rexp.models._neighbors.KNNConfig`, and

    Args:
        reverse: a ranking sums over the users who count the user among their ``top_k`` neighbors, as Ferrari Dacrema
            et al. have it; false: over the user's own ``top_k`` neighbors, as textbooks do. Ratings are always
            predicted from one's own neighbors.
    """

    reverse: bool = True


class UserKNN(RecommenderModule):
    """User-based collaborative filtering (Resnick et al.: GroupLens, CSCW 1994), by the definitions of
    Ferrari Dacrema et al. (TOIS 2021).

    ``weights`` (U, U) hold in row u how much every other user counts for u.
    """

    Config: ClassVar[type] = UserKNNConfig

    def __init__(self, config: UserKNNConfig, spec: DataSpec) -> None:
        super().__init__()
        self.config = config
        self.interactions = SparseMatrix(spec.n_users, spec.n_items, persistent=False)
        self.weights = SparseMatrix(spec.n_users, spec.n_users)
        self.ratings = ratings(spec, config)

    def capabilities(self) -> frozenset[Capability]:
        """Closed form; a rating where ``predict`` says so."""
        always = {Capability.CLOSED_FORM, Capability.SCORES_ALL_ITEMS, Capability.NEEDS_TRAIN_DATA}
        return frozenset(always | ({Capability.PREDICTS_RATINGS} if self.ratings else set()))

    def bind(self, split: Split) -> None:
        """Take all users' training items and, where they are predicted, their ratings."""
        self.interactions.assign(interaction_matrix(split))
        if self.ratings:
            self.ratings.bind(split)

    def fit(self, split: Split, generator: Generator) -> None:
        """Compare all users; nothing is drawn."""
        neighbors = self.config.of(compared(split, self.config).T.tocsr())
        self.weights.assign(neighbors.T if self.config.reverse and not self.ratings else neighbors)
        if self.ratings:
            self.ratings.fit()

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Scores of ``items`` (B,) or (B, K), in their shape."""
        return pick(self.score_all, query, items)

    def score_all(self, query: Query) -> Tensor:
        """(B, I) scores of the whole catalogue, or ratings."""
        neighbors = self.weights.scipy()[query.users.cpu().numpy()]
        if self.ratings is None:
            return dense(neighbors @ self.interactions.scipy(), query.users)
        differences = neighbors @ self.ratings.residuals()
        return self.ratings.predict(query.users, differences, abs(neighbors) @ self.ratings.rated())
