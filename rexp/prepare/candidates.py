"""The data's own candidates as tables by dense ids: of a user, whose lists are joined, and of each test item."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rexp.data.target_candidates import TargetCandidates
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
    known = _known(pairs, "user", user_ids)
    return _padded(encode(known["user"], user_ids), encode(known["item"], item_ids), len(user_ids))


def target_candidates(
    candidates: pl.DataFrame | None, user_ids: pl.Series, item_ids: pl.Series
) -> TargetCandidates | None:
    """The lists of single test items; None where the data has none (no column ``target``).

    Several lists of one pair are joined; those of users and test items that the split does not have are left out.
    """
    if candidates is None or "target" not in candidates.columns:
        return None
    where = place_of("candidates", None)
    lists = candidates.select(normal_ids(candidates["user"], where), normal_ids(candidates["target"], where), "items")
    lists = _known(_known(lists, "user", user_ids), "target", item_ids)
    users, targets = encode(lists["user"], user_ids), encode(lists["target"], item_ids)
    pairs, number = np.unique(np.stack([users, targets]), axis=1, return_inverse=True)
    rows = lists.select("items", number=pl.Series(number.ravel())).explode("items").drop_nulls()
    rows = rows.select("number", normal_ids(rows["items"].alias("item"), where)).drop_nulls()
    rows = rows.unique(["number", "item"], keep="first", maintain_order=True)
    table = _padded(rows["number"].to_numpy(), encode(rows["item"], item_ids), pairs.shape[1])
    return TargetCandidates(pairs[0].astype(np.int32), pairs[1].astype(np.int32), table)


def _known(frame: pl.DataFrame, column: str, ids: pl.Series) -> pl.DataFrame:
    """The rows whose id is in the vocabulary."""
    cast = frame.with_columns(pl.col(column).cast(ids.dtype, strict=False))
    return cast.filter(pl.col(column).is_in(ids.implode()))


def _padded(rows: Array, items: Array, n_rows: int) -> Array:
    """(n_rows, C) int32: the items of every row in their order, padded with -1."""
    order = np.argsort(rows, kind="stable")
    rows, items = rows[order], items[order]
    lengths = np.bincount(rows, minlength=n_rows)
    table = np.full((n_rows, int(lengths.max(initial=0))), -1, np.int32)
    table[rows, np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)] = items
    return table
