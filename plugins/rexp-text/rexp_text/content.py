"""Content-based recommendation by the texts of items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rexp.api import Capability, ConfigError, DataSpec, Query, RecommenderModule, SparseMatrix, dot, interaction_matrix
from rexp_text.encoder import resolve
from rexp_text.texts import item_vectors, text_columns

if TYPE_CHECKING:
    from torch import Generator

    from rexp.api import Split


@dataclass(frozen=True)
class TextOptions:
    """What is read, and by which encoder.

    Args:
        encoder: a folder of sentence-transformers, a file of word vectors, or the name of a model on this machine.
        columns: texts of items, such as ``item.title``; null takes all that the data has.
    """

    encoder: str = ""
    columns: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "encoder", resolve(self.encoder))
        if self.columns is not None and not self.columns:
            raise ValueError("columns=[] leaves nothing to read; name some, or leave it out for all")

    def checked(self, spec: DataSpec) -> list[str]:
        """The columns that are read.

        Raises:
            ConfigError: no encoder, or no such text.
        """
        if not self.encoder:
            raise ConfigError("encoder= must name a folder of sentence-transformers or a file of word vectors")
        return text_columns(spec, self.columns)


@dataclass(frozen=True)
class TextContentConfig(TextOptions):
    """Options of :class:`TextContent`.

    Args:
        encoder, columns: see :class:`TextOptions`.
        how: ``profile``: the cosine of an item's vector with the sum of the user's; ``ridge``: what a linear
            regression of the user's items on the vectors of all training items predicts.
        center: take the mean vector of the training items off first: sentences all point one way.
        l2: strength of the penalty of ``ridge``.
    """

    how: Literal["profile", "ridge"] = "profile"
    center: bool = True
    l2: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.l2 > 0:
            raise ValueError(f"l2={self.l2} must be above 0")


class TextContent(RecommenderModule):
    """A user is the sum of the vectors of the items that he took; the score is the cosine (Pazzani and Billsus:
    Content-based recommendation systems, in The Adaptive Web, 2007), or that of a ridge regression for each user,
    ``x V (V'V + l2)^-1 v``. Items without a training interaction are scored as the others.

    Raises:
        ConfigError: no encoder, or the data has no such text.
    """

    Config: ClassVar[type] = TextContentConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)

    def __init__(self, config: TextContentConfig, spec: DataSpec) -> None:
        super().__init__()
        self.config, self.columns = config, config.checked(spec)
        self.interactions = SparseMatrix(spec.n_users, spec.n_items, persistent=False)
        self.items = ItemVectors(spec.n_items)

    def capabilities(self) -> frozenset[Capability]:
        """Closed form, a dot product, with vectors of cold items."""
        return frozenset(
            {
                Capability.CLOSED_FORM,
                Capability.SCORES_ALL_ITEMS,
                Capability.NEEDS_TRAIN_DATA,
                Capability.HAS_EMBEDDINGS,
                Capability.DOT_PRODUCT,
                Capability.COLD_ITEMS,
            }
        )

    def bind(self, split: Split) -> None:
        """Take the users' training items."""
        self.interactions.assign(interaction_matrix(split))

    def fit(self, split: Split, generator: Generator) -> None:
        """Encode the texts; nothing is drawn. A fitted model holds the vectors, and needs no encoder."""
        vectors = item_vectors(split, self.config.encoder, self.columns)
        known = vectors.any(1)
        trained = known & (split.train_users_per_item > 0)
        if self.config.center and trained.any():
            vectors[known] -= vectors[trained].mean(0)
        if self.config.how == "ridge":
            vectors = vectors @ _inverse_root(vectors[trained], self.config.l2)
        else:
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
        self.items.assign(vectors)

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Scores of ``items`` (B,) or (B, K), in their shape."""
        return dot(self.user_embeddings(query), self.items.values[items])

    def score_all(self, query: Query) -> Tensor:
        """(B, I) scores of the whole catalog."""
        return self.user_embeddings(query) @ self.items.values.T

    def user_embeddings(self, query: Query) -> Tensor:
        """(B, D) sums of the vectors of the users' items, of length 1 where ``how=profile``."""
        taken = self.interactions.scipy()[query.users.cpu().numpy()]
        profiles = torch.from_numpy(taken @ self.items.values.cpu().numpy()).to(query.users.device)
        return F.normalize(profiles, dim=1) if self.config.how == "profile" else profiles

    def item_embeddings(self) -> Tensor:
        """(I, D) vectors of the items."""
        return self.items.values


class ItemVectors(nn.Module):
    """Vectors of the items in a buffer, whose width is known once the model is fitted."""

    resizable: ClassVar[bool] = True
    values: Tensor

    def __init__(self, n_items: int) -> None:
        super().__init__()
        self.register_buffer("values", torch.zeros(n_items, 0))

    def assign(self, vectors: np.ndarray[Any, Any]) -> None:
        """Take these (I, D) vectors."""
        self.values = torch.from_numpy(vectors.astype(np.float32)).to(self.values.device)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        """torch's own refuses a buffer of another size."""
        if prefix + "values" in state_dict:
            self.values = state_dict[prefix + "values"].detach().clone().to(self.values.device)
        else:
            rest[2].append(prefix + "values")


def _inverse_root(vectors: np.ndarray[Any, Any], l2: float) -> np.ndarray[Any, Any]:
    """(D, D) symmetric root of ``(V'V + l2)^-1``: a dot product of vectors times it is the regression's."""
    gram = vectors.T.astype(np.float64) @ vectors
    values, directions = np.linalg.eigh(gram)
    root: np.ndarray[Any, Any] = (directions / np.sqrt(values.clip(0) + l2)) @ directions.T
    return root
