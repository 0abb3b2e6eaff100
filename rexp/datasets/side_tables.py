"""Side tables of users and items, from files or from columns of the interactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from rexp.data.features import TITLE
from rexp.datasets.columns import usual_column
from rexp.datasets.normalize import ROLES, Role, normal_ids, place_of
from rexp.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    from rexp.api import Origin

UNREADABLE = (pl.Binary, pl.Object)
"""Types of columns that are left out, such as pictures."""


def comparable(column: pl.Series) -> pl.Series:
    """A column as what it holds: blanks are taken off text, and text of numbers alone, none of them with leading zeros,
    is numbers; categories and times are text."""
    if column.dtype.is_temporal() or column.dtype in (pl.Categorical, pl.Enum):
        column = column.cast(pl.String)
    if column.dtype != pl.String:
        return column
    text = column.str.strip_chars()
    text = text.set(text == "", None)
    if text.str.contains(r"^[+-]?0\d").any():
        return text
    for kind in (pl.Int64, pl.Float64):
        numbers = text.cast(kind, strict=False)
        if numbers.null_count() == text.null_count():
            return numbers
    return text


def described(
    frame: pl.DataFrame, role: Role, wanted: str | int | None, origin: Origin, codes: Sequence[str]
) -> pl.DataFrame:
    """A table of users or items: its id first, text that holds several values divided by "|" as lists.

    Args:
        frame: one row a user or item.
        role: ``user`` or ``item``.
        wanted: the column of the id, as for the interactions; where there is none of this name, a usual one is taken.
        origin: of the frame.
        codes: columns whose numbers are names of categories.

    Raises:
        DataError: there is no such column, or an id is empty.
    """
    own = wanted if isinstance(wanted, str) and wanted in frame.columns else None
    own = own or usual_column(frame.columns, role, origin.path)
    if own is None:
        raise DataError(
            f"{origin.path} has no column that is plainly the {role}: call one '{role}', or as data.columns.{role} says"
        )
    ids = normal_ids(frame[own].alias(role), place_of("", origin))
    if ids.null_count():
        row = int(ids.is_null().arg_true()[0])
        raise DataError(f"{place_of('', origin)(row)}: the {role} is empty ({ids.null_count()} such rows)")
    read = [name for name in frame.columns if name not in (own, role) and frame[name].dtype not in UNREADABLE]
    columns = [_value(frame[name], codes) for name in read]
    if unknown := [name for name in codes if name not in frame.columns]:
        raise ConfigError(f"data.{role}_codes has '{unknown[0]}'; {did_you_mean(unknown[0], frame.columns)}")
    return pl.DataFrame([ids, *columns])


def _value(column: pl.Series, codes: Sequence[str]) -> pl.Series:
    value = column if column.dtype.is_temporal() else comparable(column)
    if column.name in codes:
        value = column.cast(pl.String).str.strip_chars()
        value = value.set(value == "", None)
        if not value.str.contains("|", literal=True).any():
            return value.cast(pl.Categorical)  # which many numbers do not make a number
    if value.dtype == pl.String and column.name != TITLE and value.str.contains("|", literal=True).any():
        lists = pl.DataFrame({"text": value}).select(
            pl.col("text").str.split("|").list.eval(pl.element().str.strip_chars().filter(pl.element() != ""))
        )
        value = lists["text"].alias(column.name)
    return value


def one_row_an_id(role: str, table: pl.DataFrame) -> pl.DataFrame:
    """A table of users or items with each id once.

    Raises:
        DataError: two rows say different things of one id.
    """
    repeated = table.filter(pl.col(role).is_duplicated()).sort(role, maintain_order=True)
    said: dict[object, object] = {}
    for row in repeated.rows():
        own = row[table.columns.index(role)]
        if said.setdefault(own, repr(row)) != repr(row):
            raise DataError(f"two rows describe the {role} {own} differently; keep one of them")
    return table.unique(role, keep="first", maintain_order=True)


def table_of(frames: Mapping[str, pl.DataFrame], role: str, named: Mapping[str, str]) -> pl.DataFrame:
    """One row a user or item: of each column its commonest text (the first in the alphabet of equally common ones), or
    the median of its numbers; over all rows, for it is to describe the user or item, whenever it is met.

    Args:
        frames: interactions with further columns.
        role: ``user`` or ``item``.
        named: the file's own column by the name that it gets.

    Raises:
        ConfigError: there is no such column, or it is what the rows themselves are.
    """
    for column in named.values():
        if column in ROLES:
            raise ConfigError(f"data.{role}_columns: '{column}' is the {column} of a row, and describes no {role}")
        lacking = next((frame for frame in frames.values() if column not in frame.columns), None)
        if lacking is not None:
            others = [name for name in lacking.columns if name not in ROLES]
            raise ConfigError(f"data.{role}_columns: there is no column '{column}'; {did_you_mean(column, others)}")
    rows = pl.concat([frame.select(role, *set(named.values())) for frame in frames.values()], how="vertical_relaxed")
    table = rows.select(role).unique().sort(role)
    for name, column in named.items():
        values = pl.DataFrame({role: rows[role], name: comparable(rows[column])})
        if values[name].dtype.is_numeric():
            summary = values.group_by(role).agg(pl.col(name).median())
        else:
            counted = values.group_by(role, name).len()
            ordered = counted.sort(role, "len", name, descending=[False, True, False], nulls_last=True)
            summary = ordered.unique(role, keep="first", maintain_order=True).select(role, name)
        table = table.join(summary, on=role, how="left", maintain_order="left")
    return table
