"""Queries: whom to recommend to, and what a model may know of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.data.types import FeatureSpec


@dataclass(frozen=True)
class DataSpec:
    """Sizes and features of the data that a model is built for.

    Args:
        n_users: users in the vocabulary, dense ids 0 .. n_users - 1.
        n_items: items in the vocabulary, dense ids 0 .. n_items - 1.
        n_train: interactions in the training part.
        features: feature columns of users, items and contexts by name.
        text: names of the columns of text that ``Split.text`` reads.
    """

    n_users: int
    n_items: int
    n_train: int
    features: Mapping[str, FeatureSpec] = field(default_factory=dict)
    text: tuple[str, ...] = ()


@dataclass(frozen=True)
class Query:
    """The users to recommend to; built by the data path only, so that nothing after the target can leak in.

    Args:
        users: (B,) int64 user ids.
        history: (B, L) int64 item ids, oldest first, padded in front with -1, cut strictly before the target.
        features: the contexts' features by name (``context.hour``), encoded as ``rexp.api.Feature`` says: (B,) int64
            of categories, (B, K) of sets, (B,) float32 of numbers; empty where the data has no context. In a batch of
            whole sequences (B, L) and (B, L, K): at each position that of its target.
    """

    users: Tensor
    history: Tensor | None = None
    features: Mapping[str, Tensor] = field(default_factory=dict)
