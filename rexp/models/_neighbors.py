"""Options and similarity shared by neighborhood models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rexp.models._rating_baseline import Ratings, rating_matrix
from rexp.models._similarity import Similarity, WeightingName, weighted
from rexp.nn.sparse import interaction_matrix

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from rexp.api import DataSpec
    from rexp.data.split import Split


@dataclass(frozen=True)
class KNNConfig(Similarity):
    """Options of ``userknn`` and ``itemknn``: those of :class:`rexp.models._similarity.Similarity`, and

    Args:
        weighting: of what users took, before it is compared: none, bm25 or tf_idf.
        predict: ``ranking``: a sum of similarities. ``ratings``: a rating, the baseline ``mu + b_u + b_i`` and the
            neighbors' mean difference from theirs, weighted by similarity (Koren, TKDD 2010, section 2.2).
        item_damping, user_damping: of the baseline's biases (:class:`rexp.models._rating_baseline.Ratings`).
    """

    weighting: WeightingName = "none"
    predict: Literal["ranking", "ratings"] = "ranking"
    item_damping: float = 25.0
    user_damping: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weighting != "none" and self.reads_ratings:
            raise ValueError(f"weighting={self.weighting} is of what users took; leave it out where ratings are read")
        for name in ("item_damping", "user_damping"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}={getattr(self, name)} must not be negative")

    @property
    def reads_ratings(self) -> bool:
        """Ratings are compared, not what users took: a correlation of ones is not defined."""
        return self.predict == "ratings" or self.similarity == "pearson"


def compared(split: Split, config: KNNConfig) -> csr_array:
    """(n_users, n_items): what similarities are computed on."""
    return rating_matrix(split) if config.reads_ratings else weighted(interaction_matrix(split), config.weighting)


def ratings(spec: DataSpec, config: KNNConfig) -> Ratings | None:
    """The baseline, where ratings are to be predicted."""
    return Ratings(spec, config.item_damping, config.user_damping) if config.predict == "ratings" else None
