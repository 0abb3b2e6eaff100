"""The first of two stages, as a run asks for it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rexp.errors import ConfigError
from rexp.retrieve.index_store import open_index

if TYPE_CHECKING:
    from rexp.api import RecommenderModule, Retriever
    from rexp.io.json_types import Json
    from rexp.retrieve.index_store import IndexFacts

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Retrieval:
    """Retrieval settings: index, source of the embeddings, and ranker.

    Args:
        name: short name of the retriever.
        config: its typed options.
        n_candidates: candidates of a user, seen items not among them.
        vectors_from: a model with ``Capability.HAS_EMBEDDINGS`` whose vectors are indexed; None: the evaluated one.
        item_features: (I, F) rows to index instead of a model's vectors; a user is then the mean of the items that he
            took in the training part.
        folder: where built indexes are kept; None keeps none.
        ranker: a model that ranks the candidates; None takes the evaluated model.

    Raises:
        ConfigError: no candidates are asked for, or vectors from two sources.
    """

    name: str
    config: Any
    n_candidates: int = 100
    vectors_from: RecommenderModule | None = None
    item_features: Array | None = None
    folder: Path | None = None
    ranker: RecommenderModule | None = None

    def __post_init__(self) -> None:
        if self.n_candidates < 1:
            raise ConfigError(f"retriever.n_candidates={self.n_candidates}: at least one candidate must be retrieved")
        if self.vectors_from is not None and self.item_features is not None:
            raise ConfigError("retriever.from: vectors come from a model or from item features, not from both")

    def open(self, vectors: Array) -> tuple[Retriever, IndexFacts]:
        """The retriever over these (I, D) vectors, and facts of its index; see :func:`open_index`."""
        return open_index(self.name, self.config, vectors, self.folder)

    def facts(self) -> Json:
        """Facts that identify the retrieval."""
        return {"name": self.name, **asdict(self.config), "n_candidates": self.n_candidates}
