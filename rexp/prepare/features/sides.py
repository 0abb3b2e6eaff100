"""What the data says of its users and items: their tables by dense id, and the features fitted on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rexp.datasets.normalize import normal_ids, place_of
from rexp.datasets.side_tables import one_row_an_id, table_of
from rexp.errors import ConfigError, DataError
from rexp.prepare.features.tables import FittedTables, fit_tables
from rexp.prepare.features.vector_files import read_all
from rexp.prepare.vocabulary import build_vocabulary

if TYPE_CHECKING:
    from rexp.api import RawData
    from rexp.data.types import Array, Side
    from rexp.prepare.features.policy import ColumnPolicy


@dataclass(frozen=True)
class Sides:
    """Tables of users and items, one row an id in the order of the ids, and what became of their columns."""

    users: pl.DataFrame
    items: pl.DataFrame
    fitted: FittedTables


def fit_sides(
    raw: RawData,
    frames: Mapping[str, pl.DataFrame],
    ids: Mapping[Side, pl.Series],
    trained: Mapping[Side, Array],
    policies: Mapping[str, ColumnPolicy],
) -> Sides:
    """Join all that is said of users and items, and fit it.

    Args:
        raw: the data set's tables and vectors.
        frames: its interactions in one form, of which some columns may describe users or items.
        ids: by side, the data's own ids by dense id.
        trained: by side, the dense ids of the training interactions, (N,).
        policies: of columns, by name.

    Raises:
        ConfigError: two columns of one name, or a policy that does not fit its column.
        DataError: a table of other ids, two rows that describe an id differently, or vectors that cannot be read.
    """
    tables: dict[Side, pl.DataFrame] = {
        "user": _table("user", ids["user"], [raw.users, _own_columns(frames, "user", raw.user_columns)]),
        "item": _table("item", ids["item"], [raw.items, _own_columns(frames, "item", raw.item_columns)]),
    }
    vectors = read_all(raw.vectors, cache(lambda side: _listed(raw, side)), ids)
    in_train = {side: _met(trained[side], len(ids[side])) for side in tables}
    return Sides(tables["user"], tables["item"], fit_tables(tables, vectors, raw.vectors, in_train, policies))


def _table(role: Side, ids: pl.Series, tables: Sequence[pl.DataFrame | None]) -> pl.DataFrame:
    """One row an id, with what the data says of it."""
    frame = pl.DataFrame({role: ids})
    for described in tables:
        if described is None:
            continue
        own = normal_ids(described[role], place_of(f"the table of {role}s", None)).cast(ids.dtype, strict=False)
        if not own.is_in(ids.implode()).any():
            first = ", ".join(map(str, described[role].head(3)))
            raise DataError(
                f"the table of {role}s has none of the data's: its ids are {first} ..., theirs {ids[0]} ..."
            )
        described = one_row_an_id(role, described.with_columns(own).drop_nulls(role))
        if twice := [name for name in described.columns if name != role and name in frame.columns]:
            raise ConfigError(f"two tables have the column '{twice[0]}' of {role}s; rename one")
        frame = frame.join(described, on=role, how="left", maintain_order="left")
    return frame


def _own_columns(frames: Mapping[str, pl.DataFrame], role: Side, named: Mapping[str, str]) -> pl.DataFrame | None:
    return table_of(frames, role, named) if named else None


def _listed(raw: RawData, side: Side) -> pl.Series:
    """Every id that the data names, whatever the filters leave: those of the table, else those of the interactions."""
    table = raw.users if side == "user" else raw.items
    given = [raw.interactions, *raw.given.values()]
    frames = [frame for frame in (given if table is None else [table]) if frame is not None]
    return build_vocabulary([normal_ids(frame[side], place_of(f"the {side}s", None)).drop_nulls() for frame in frames])


def _met(ids: Array, size: int) -> Array:
    """(size,) bool: which ids occur."""
    met = np.zeros(size, bool)
    met[ids] = True
    return met
