"""Parts of a split, arrays, and features of users and items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Part = Literal["train", "valid", "test"]
Side = Literal["user", "item", "context"]
Kind = Literal["category", "set", "number", "vector"]
Catalogue = Literal["train", "all", "cold"]
"""Items that can be recommended: with a training interaction, of the whole vocabulary, or without one."""
CATALOGUES: tuple[Catalogue, ...] = ("train", "all", "cold")
PARTS: tuple[Part, ...] = ("train", "valid", "test")
Array = np.ndarray[Any, Any]
PADDING = -1
"""Stands in a row of ids, or of positions, where there are no more."""


@dataclass(frozen=True)
class FeatureSpec:
    """One feature column.

    Args:
        side: whose it is: users', items', or the context of an interaction (its hour, its device).
        kind: a ``category`` (one of several), a ``set`` of them (such as genres), a ``number``, or a ``vector``.
        cardinality: number of categories; category 0 stands for an unknown one. 0 for numbers and vectors.
        dim: width of a vector; 0 for the other kinds.
    """

    side: Side
    kind: Kind
    cardinality: int
    dim: int = 0


@dataclass(frozen=True)
class Feature:
    """Values of one feature column: by dense id for users and items, by row for a context.

    Args:
        spec: whose it is, and of what kind.
        values: a category: (n,) int64, 0 where it is not known, or not met in training; its categories are numbered
            from 1 in ascending order, then those for what is rare. A set: (n, K) int64 of such numbers, ascending,
            padded behind with 0. A number: (n,) float32, by default with mean 0 and deviation 1 over the known
            training rows, and 0 where it is not known. A vector: (n, D) float16 or float32. Of users and items
            memory-mapped.
    """

    spec: FeatureSpec
    values: Array
