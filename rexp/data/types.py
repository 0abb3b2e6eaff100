"""Parts of a split, arrays, and features of users and items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Part = Literal["train", "valid", "test"]
PARTS: tuple[Part, ...] = ("train", "valid", "test")
Array = np.ndarray[Any, Any]
PADDING = -1
"""Stands in a row of ids, or of positions, where there are no more."""


@dataclass(frozen=True)
class FeatureSpec:
    """One feature column of users or items.

    Args:
        side: whose it is.
        kind: a ``category`` (one of several), a ``set`` of them (such as genres), or a ``number``.
        cardinality: number of categories; category 0 stands for an unknown one. 0 for a number.
    """

    side: Literal["user", "item"]
    kind: Literal["category", "set", "number"]
    cardinality: int


@dataclass(frozen=True)
class Feature:
    """One column of the users' or items' table.

    Args:
        spec: whose it is, and of what kind.
        values: by dense id. A category: (n,) int64, 0 where it is not known; its categories are numbered from 1 in
            ascending order. A set: (n, K) int64 of such numbers, ascending, padded behind with 0. A number:
            (n,) float32 with mean 0 and deviation 1 over the known rows, and 0 where it is not known.
    """

    spec: FeatureSpec
    values: Array
