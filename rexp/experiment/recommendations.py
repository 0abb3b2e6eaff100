"""Lists of recommendations as a table under the users' and items' own ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rexp.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.data.split import Split
    from rexp.data.types import Array


def dense_users(split: Split, wanted: Sequence[str]) -> Array:
    """Dense ids of users named by their own ids; all users where none is named.

    Raises:
        ConfigError: there is no such user (with the nearest id).
    """
    known = split.user_ids()
    if not wanted:
        return np.arange(len(known))
    names = known.cast(pl.String)
    places = pl.DataFrame({"name": wanted}).join(
        pl.DataFrame({"name": names}).with_row_index("place"), on="name", how="left", maintain_order="left"
    )
    missing = places.filter(pl.col("place").is_null())["name"]
    if len(missing):
        raise ConfigError(f"'{split.name}' has no user '{missing[0]}'; {did_you_mean(missing[0], names.to_list())}")
    return places["place"].to_numpy().astype(np.int64)


def recommendation_frame(split: Split, users: Array, items: Tensor, scores: Tensor) -> pl.DataFrame:
    """One row a recommendation: ``user``, ``rank`` from 1, ``item``, ``title`` where the data has them, ``score``.

    Args:
        users: (U,) dense ids.
        items: (U, k) dense ids, -1 for none.
        scores: (U, k).
    """
    found = items.numpy() >= 0
    rows, ranks = np.nonzero(found)
    table = split.items_table()
    chosen = table[items.numpy()[found]]
    columns = {"user": split.user_ids().gather(users[rows]), "rank": ranks + 1, "item": chosen["item"]}
    if "title" in table.columns:
        columns["title"] = chosen["title"]
    return pl.DataFrame({**columns, "score": scores.numpy()[found]})
