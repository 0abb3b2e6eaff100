"""Content-based recommendations: items like those that a user took, by what the data says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import torch
from scipy.sparse import csr_array
from sklearn.preprocessing import normalize
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from rexp.api import Capability, DataSpec, Query, RecommenderModule
from rexp.errors import ConfigError
from rexp.models._item_item import pick
from rexp.nn.content import ContentOptions, ItemContent
from rexp.nn.dot import dot
from rexp.nn.matrix import DenseMatrix
from rexp.nn.sparse import SparseMatrix, dense, interaction_matrix

if TYPE_CHECKING:
    from torch import Generator

    from rexp.data.split import Split


@dataclass(frozen=True)
class ContentConfig(ContentOptions):
    """Options of :class:`Content`.

    Args:
        columns, how, dim: see :class:`rexp.nn.content.ContentOptions`.
        similarity: of a user's profile and an item: ``cosine``; ``pearson``, the cosine once each vector's own mean is
            taken off; ``jaccard``, of the set of all that the user's items have with the item's, for ``how=bow``.
        center: take the mean over the training items off first. Vectors of pictures and sentences all point one way,
            and need it; sparse tags are worse for it.
    """

    similarity: Literal["cosine", "pearson", "jaccard"] = "cosine"
    center: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.similarity == "jaccard" and (self.how != "bow" or self.center):
            raise ValueError("similarity=jaccard compares sets: take how=bow and center=false")


class Content(RecommenderModule):
    """A user's profile, the sum of the unit vectors of the items that he took, compared with every item (Pazzani and
    Billsus: Content-based recommendation systems, in The Adaptive Web, 2007). Who took nothing finds all items alike.

    Raises:
        ConfigError: the data tells nothing of its items, or something else than the options need.
    """

    Config: ClassVar[type] = ContentConfig

    def __init__(self, config: ContentConfig, spec: DataSpec) -> None:
        super().__init__()
        self.config, self.content = config, ItemContent(config, spec)
        self.dense = self.content.dense
        if not self.dense and (config.center or config.similarity == "pearson"):
            raise ConfigError("center=true and similarity=pearson need dense vectors: take model.how=svd")
        if self.dense and config.similarity == "jaccard":
            raise ConfigError("similarity=jaccard compares sets, and model.columns has vectors; leave them out")
        self.interactions = SparseMatrix(spec.n_users, spec.n_items, persistent=False)
        self.items: DenseMatrix | SparseMatrix
        self.items = DenseMatrix(spec.n_items) if self.dense else SparseMatrix(spec.n_items, None)

    def capabilities(self) -> frozenset[Capability]:
        """Closed form; of dense vectors a dot product."""
        always = {Capability.CLOSED_FORM, Capability.SCORES_ALL_ITEMS, Capability.NEEDS_TRAIN_DATA}
        vectors = {Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT} if self.dense else set()
        return frozenset(always | {Capability.COLD_ITEMS} | vectors)

    def bind(self, split: Split) -> None:
        """Take the users' training items."""
        self.interactions.assign(interaction_matrix(split))

    def fit(self, split: Split, generator: Generator) -> None:
        """Read the items; the generator seeds the solver of ``how=svd``."""
        rows = self.content.read(split, int(torch.randint(2**31, (1,), generator=generator)))
        if self.config.center:
            rows = rows - rows[split.in_catalogue("train")].mean(0)
        if self.config.similarity == "pearson":
            rows = rows - rows.mean(1, keepdims=True)
        if self.config.similarity == "jaccard":
            assert not isinstance(rows, np.ndarray)  # as the constructor says
            rows = csr_array((np.ones_like(rows.data), rows.indices, rows.indptr), shape=rows.shape)
        else:
            rows = normalize(rows)
        self.items.assign(rows)

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Scores of ``items`` (B,) or (B, K), in their shape."""
        if isinstance(self.items, DenseMatrix):
            return dot(self.user_embeddings(query), self.items.values[items])
        return pick(self.score_all, query, items)

    def score_all(self, query: Query) -> Tensor:
        """(B, I) similarities of the whole catalogue."""
        if isinstance(self.items, DenseMatrix):
            return self.user_embeddings(query) @ self.items.values.T
        items = self.items.scipy()
        profiles = self._taken(query) @ items
        if self.config.similarity == "cosine":
            return dense(csr_array(normalize(profiles)) @ items.T, query.users)
        profiles.data[:] = 1
        shared = (profiles @ items.T).toarray()
        together = profiles.sum(1)[:, None] + items.sum(1)[None] - shared
        return torch.from_numpy((shared / np.maximum(together, 1)).astype(np.float32)).to(query.users.device)

    def user_embeddings(self, query: Query) -> Tensor:
        """(B, D) profiles of length 1, of dense vectors."""
        profiles = self._taken(query) @ self.item_embeddings().cpu().numpy()
        return F.normalize(torch.from_numpy(profiles), dim=1).to(query.users.device)

    def item_embeddings(self) -> Tensor:
        """(I, D) vectors of length 1, where they are dense."""
        assert isinstance(self.items, DenseMatrix)
        return self.items.values

    def _taken(self, query: Query) -> csr_array:
        """(B, I) 1 where the user took the item."""
        return self.interactions.scipy()[query.users.cpu().numpy()]
