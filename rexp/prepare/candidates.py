"""The data's own candidates as a table by dense ids; several lists of one user are joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rexp.datasets.normalize import normal_ids, place_of
from rexp.prepare.vocabulary import encode

if TYPE_CHECKING:
    from rexp.data.types import Array


def candidate_pairs(candidates: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """``user`` and ``item``, a row a candidate in the order of the lists, and how many lists were joined to others.

    A user's only list is kept as it is; of several, each item counts once, where it comes first.
    """
    where = place_of("candidates", None)
    lists = candidates.select(normal_ids(candidates["user"], where), "items")
    joined = lists["user"].is_duplicated()
    pairs = lists.with_columns(joined=joined).explode("items").drop_nulls()
    pairs = pairs.select(normal_ids(pairs["items"].alias("item"), where), "user", "joined").drop_nulls()
    several = pairs.filter("joined").unique(["user", "item"], keep="first", maintain_order=True)
    pairs = pl.concat([pairs.filter(~pl.col("joined")), several])
    return pairs.select("user", "item"), int(joined.sum())


def candidate_table(pairs: pl.DataFrame, user_ids: pl.Series, item_ids: pl.Series) -> Array:
    """(n_users, C) int32 padded with -1; candidates of unknown users are left out."""
    known = pairs.with_columns(pl.col("user").cast(user_ids.dtype, strict=False))
    known = known.filter(pl.col("user").is_in(user_ids.implode()))
    users = encode(known["user"], user_ids)
    order = np.argsort(users, kind="stable")
    users, items = users[order], encode(known["item"], item_ids)[order]
    lengths = np.bincount(users, minlength=len(user_ids))
    table = np.full((len(user_ids), int(lengths.max(initial=0))), -1, np.int32)
    table[users, np.arange(len(users)) - np.repeat(np.cumsum(lengths) - lengths, lengths)] = items
    return table
