"""Mapping of a file's columns to ``user``, ``item``, ``rating`` and ``time``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.datasets.normalize import ROLES, Role
from rexp.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

    from rexp.datasets.files import Columns

USUAL_NAMES: dict[Role, tuple[str, ...]] = {
    "user": ("user", "userid", "uid"),
    "item": ("item", "itemid", "iid", "movieid", "productid"),
    "rating": ("rating",),
    "time": ("time", "timestamp"),
}


def find_columns(names: list[str], columns: Columns, path: Path, *, by_position: bool) -> dict[Role, str]:
    """The file's own name of each column that is read; empty for one that is said to be left unread.

    Args:
        names: the columns of the file.
        columns: which column is which.
        path: for the messages.
        by_position: without a header: an unnamed column is taken by its place.

    Raises:
        DataError: a column is missing, or more than one may be meant.
    """
    found = {role: _find(names, role, getattr(columns, role), path, by_position) for role in ROLES}
    return {role: name for role, name in found.items() if name is not None}


def take_columns(frame: pl.DataFrame, taken: dict[Role, str]) -> pl.DataFrame:
    """The known columns under rexp's names, followed by the others under their own."""
    import polars as pl

    read = {role: name for role, name in taken.items() if name}
    others = [name for name in frame.columns if name not in read.values() and name not in ROLES]
    return frame.select(*(pl.col(name).alias(role) for role, name in read.items()), *others)


def is_known(field: str, columns: Columns) -> bool:
    """Whether a field of a first line is plainly the name of a column: a usual one, or one that was given."""
    usual = {name for names in USUAL_NAMES.values() for name in names}
    given = [name for role in ROLES if isinstance(name := getattr(columns, role), str) and name]
    return _plain(field.split(":")[0]) in usual or field in given


def _find(names: list[str], role: Role, wanted: str | int | None, path: Path, by_position: bool) -> str | None:
    if wanted == "" and role in ("rating", "time"):
        return ""
    if isinstance(wanted, int):
        if not 1 <= wanted <= len(names):
            raise DataError(f"{path} has {len(names)} columns, so data.columns.{role}={wanted} is not there")
        return names[wanted - 1]
    if wanted is not None:
        if wanted not in names:
            raise DataError(f"{path} has no column '{wanted}' (data.columns.{role}); {did_you_mean(wanted, names)}")
        return wanted
    if by_position:
        place = ROLES.index(role)
        usual = names[place] if place < len(names) else None
    else:
        usual = usual_column(names, role, path)
    if usual is None and role in ("user", "item"):
        raise DataError(f"{path} has no column that is plainly the {role}: set data.columns.{role} to one of {names}")
    return usual


def usual_column(names: Sequence[str], role: Role, path: Path) -> str | None:
    """The column with a usual name of this role, where there is one.

    Raises:
        DataError: there are several.
    """
    plain = [name for name in names if _plain(name) in USUAL_NAMES[role]]
    exact = [name for name in plain if name == role]
    if len(plain) > 1 and not exact:
        raise DataError(f"{path} has several columns that may be the {role}: set data.columns.{role} to one of {plain}")
    return (exact or plain or [None])[0]


def _plain(name: str) -> str:
    # Digits stay: "user1" is an id, no name of a column.
    return re.sub(r"[\W_]", "", name.lower())
