"""Ids beside texts, tags, pictures: item vectors that are fused from all that is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor

from rexp.api import Capability, DataSpec, Query, RecommenderModule
from rexp.nn.dot import dot
from rexp.nn.embedding import Init, embedding_table
from rexp.nn.fuse import Fuse, FusionName
from rexp.nn.modalities import Modalities

if TYPE_CHECKING:
    from rexp.data.split import Split


@dataclass(frozen=True)
class FusionConfig:
    """Options of :class:`Fusion`.

    Args:
        factors: size of the vectors.
        columns: of the items, what is read beside the id (``item.genres``, ``item.title``, ``item.image``); null takes
            every set, category, text and vector.
        how: of fusion: ``mean``, learned ``weights``, a ``gate`` for each coordinate, or ``attention``
            (:class:`rexp.nn.fuse.Fuse`).
        missing: a column that says nothing of an item is ``skip``ped, or counts as a vector of ``zeros``.
        use_id: read a vector of the item's id; of a cold item it is missing.
        drop_id: share of items whose id is left out in each training step, so that the others learn to do without.
        width: directions that sets and texts are reduced to.
        init_scale: standard deviation of the ids' initial vectors.
    """

    factors: int = 64
    columns: tuple[str, ...] | None = None
    how: FusionName = "mean"
    missing: Literal["skip", "zeros"] = "skip"
    use_id: bool = True
    drop_id: float = 0.5
    width: int = 200
    init_scale: float = 0.1

    def __post_init__(self) -> None:
        if self.factors < 1 or self.width < 1:
            raise ValueError(f"factors={self.factors} and width={self.width} must be 1 or more")
        if not 0 <= self.drop_id <= 1:
            raise ValueError(f"drop_id={self.drop_id} must be from 0 to 1")
        if self.columns is not None and not self.columns:
            raise ValueError("columns=[] leaves nothing to read; name some, or leave it out for all")


class Fusion(RecommenderModule):
    """A dot product of a user's vector with an item's, fused from its id's and from linear maps of its content.

    Ids are left out at random, as in DropoutNet (Volkovs, Yu, Poutanen, NeurIPS 2017), so that cold items, which have
    none, are scored by their content.
    """

    Config: ClassVar[type] = FusionConfig
    warm: Tensor

    def __init__(self, config: FusionConfig, spec: DataSpec) -> None:
        super().__init__()
        self.config, self.n_items = config, spec.n_items
        init = Init("normal", config.init_scale)
        self.users = embedding_table(spec.n_users, config.factors, init)
        self.items = embedding_table(spec.n_items, config.factors, init) if config.use_id else None
        self.modalities = Modalities(config.columns, spec, config.factors, config.width)
        self.fuse = Fuse(config.how, len(self.modalities.names) + config.use_id, config.factors)
        self.register_buffer("warm", torch.zeros(spec.n_items, dtype=torch.bool), persistent=False)

    def capabilities(self) -> frozenset[Capability]:
        """A dot product that knows cold items."""
        return frozenset(
            {
                Capability.HAS_EMBEDDINGS,
                Capability.DOT_PRODUCT,
                Capability.SCORES_ALL_ITEMS,
                Capability.NEEDS_TRAIN_DATA,
                Capability.COLD_ITEMS,
            }
        )

    def bind(self, split: Split) -> None:
        """Read what is known of the items, and which of them training knows."""
        self.modalities.bind(split)
        self.warm = torch.from_numpy(split.in_catalogue("train")).to(self.warm.device)

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Scores of ``items`` (B,) or (B, K); every distinct item is fused once."""
        users = self.users(query.users)
        distinct, places = torch.unique(items, return_inverse=True)
        return dot(users, self.item_embeddings_of(distinct)[places])

    def score_all(self, query: Query) -> Tensor:
        """(B, I) scores of the whole catalogue."""
        return self.user_embeddings(query) @ self.item_embeddings().T

    def user_embeddings(self, query: Query) -> Tensor:
        """(B, D)."""
        vectors: Tensor = self.users(query.users)
        return vectors

    def item_embeddings(self) -> Tensor:
        """(I, D)."""
        return self.item_embeddings_of(torch.arange(self.n_items, device=self.users.rows().device))

    def item_embeddings_of(self, items: Tensor) -> Tensor:
        """(N, D) fused vectors of ``items`` (N,)."""
        vectors, known = self.modalities(items)
        if self.config.missing == "zeros":
            vectors, known = vectors * known.unsqueeze(2), torch.ones_like(known)
        if self.items is not None:
            has_id = self.warm[items]
            if self.training and self.config.drop_id:
                has_id = has_id & (torch.rand(len(items), device=items.device) >= self.config.drop_id)
            vectors = torch.cat([vectors, self.items(items).unsqueeze(1)], 1)
            known = torch.cat([known, has_id.unsqueeze(1)], 1)
        fused: Tensor = self.fuse(vectors, known)
        return fused
