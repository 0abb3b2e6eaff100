"""First stages for tests: indexes of the vectors of :class:`FixedScores`, sound ones and one that misses items."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from rexp.api import Capability
from rexp.evaluate.config import EvaluateConfig
from rexp.plugins import registry
from rexp.plugins.options import from_options
from rexp.retrieve.index_store import IndexFacts
from rexp.retrieve.retrieval import Retrieval

from .helpers import FixedScores


def embedding(table) -> FixedScores:
    """A user's vector is his row of scores, an item's a unit vector: their products are the scores."""
    vectors = torch.as_tensor(table, dtype=torch.float32)
    return FixedScores(vectors, Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT, Capability.SCORES_ALL_ITEMS)


def retrieval(name="flat", n_candidates=100, *, options=None, **parts) -> Retrieval:
    return Retrieval(
        name, from_options(registry.load("retriever", name).Config, options or {}, "retriever"), n_candidates, **parts
    )


def rules(**options) -> EvaluateConfig:
    return EvaluateConfig(**({"protocol": "two_stage", "latency_users": 0} | options))


class Holes:
    """Searches exactly, but some items are never found; counts what it is asked for."""

    def __init__(self, vectors, missing=()) -> None:
        self.vectors, self.missing, self.asked = vectors, list(missing), []

    def search(self, queries, n):
        self.asked.append((len(queries), n))
        scores = (queries @ self.vectors.T).astype(np.float32)
        scores[:, self.missing] = -np.inf
        items = np.argsort(-scores, axis=1, kind="stable")[:, :n]
        found = np.take_along_axis(scores, items, 1)
        return found, np.where(found > -np.inf, items, -1)


class Planted(Retrieval):
    """A retrieval whose index misses the items ``missing``, numbered as in the catalogue."""

    missing: tuple[int, ...] = ()

    def open(self, vectors) -> tuple[Any, IndexFacts]:
        return Holes(vectors, self.missing), IndexFacts("", "", built=True, build_seconds=0.0, notes=[])


def planted(missing, n_candidates, **parts) -> Planted:
    made = Planted("flat", registry.load("retriever", "flat").Config(), n_candidates, **parts)
    object.__setattr__(made, "missing", tuple(missing))
    return made
