"""From a file's own columns to ``user``, ``item``, ``rating``, ``time``, with every bad value named by its line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import polars as pl

from rexp.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from rexp.data.source import Columns

Role = Literal["user", "item", "rating", "time"]
ROLES: tuple[Role, ...] = ("user", "item", "rating", "time")
USUAL_NAMES: dict[Role, tuple[str, ...]] = {
    "user": ("user", "userid", "uid"),
    "item": ("item", "itemid", "iid", "movieid", "productid"),
    "rating": ("rating",),
    "time": ("time", "timestamp"),
}


def standardise(
    frame: pl.DataFrame, columns: Columns, path: Path, *, first_line: int, by_position: bool = False
) -> pl.DataFrame:
    """The four columns that rexp reads, under its own names and in checked types.

    Args:
        frame: the file's rows.
        columns: which column is which.
        path: for the messages.
        first_line: the line of the file in which the first row stands.
        by_position: without a header: an unnamed column is taken by its place.

    Raises:
        DataError: a column is missing, an id is empty, or a rating or time is no number.
    """
    found = {role: _find(frame.columns, role, getattr(columns, role), path, by_position) for role in ROLES}
    frame = frame.select(pl.col(name).alias(role) for role, name in found.items() if name is not None)
    for role in ("user", "item"):
        _check_ids(frame[role], role, path, first_line)
    if "rating" in frame.columns:
        frame = frame.with_columns(_numbers(frame["rating"], path, first_line))
    if "time" in frame.columns:
        frame = frame.with_columns(_times(frame["time"], path, first_line))
    return frame


def _find(names: list[str], role: Role, wanted: str | int | None, path: Path, by_position: bool) -> str | None:
    if wanted == "" and role in ("rating", "time"):
        return None
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
        plain = {re.sub(r"[^a-z]", "", name.lower()): name for name in names}
        usual = next((plain[name] for name in USUAL_NAMES[role] if name in plain), None)
    if usual is None and role in ("user", "item"):
        raise DataError(f"{path} has no column that is plainly the {role}: set data.columns.{role} to one of {names}")
    return usual


def _check_ids(ids: pl.Series, role: str, path: Path, first_line: int) -> None:
    if ids.null_count():
        line = int(ids.is_null().arg_true()[0]) + first_line
        raise DataError(f"{path}, line {line}: the {role} is empty ({ids.null_count()} such rows); remove these rows")


def _numbers(column: pl.Series, path: Path, first_line: int) -> pl.Series:
    text = column.str.strip_chars() if column.dtype == pl.String else column
    numbers = text.cast(pl.Float64, strict=False)
    bad = ~numbers.is_finite().fill_null(value=False)
    if bad.any():
        raise _no_number(column, bad, path, first_line, "data.columns.rating='' reads no ratings")
    return numbers


def _times(column: pl.Series, path: Path, first_line: int) -> pl.Series:
    """Whole or fractional numbers as they are; dates and date-times as unix seconds."""
    if column.dtype.is_temporal():
        seconds: pl.Series = column.dt.epoch("s")
        column = seconds
    text = column.str.strip_chars() if column.dtype == pl.String else column
    for convert in (_whole, _fractional, _date_times):
        numbers = convert(text)
        if not numbers.null_count():
            return numbers
    bad = (_date_times(text) if _is_date(text) else _fractional(text)).is_null()
    raise _no_number(column, bad, path, first_line, "data.columns.time='' reads no times", "a time")


def _whole(text: pl.Series) -> pl.Series:
    if text.dtype.is_float():
        return pl.Series(text.name, [None])
    return text.cast(pl.Int64, strict=False)


def _fractional(text: pl.Series) -> pl.Series:
    numbers = text.cast(pl.Float64, strict=False)
    return numbers.set(~numbers.is_finite().fill_null(value=False), None)


def _date_times(text: pl.Series) -> pl.Series:
    if text.dtype != pl.String:
        return pl.Series(text.name, [None])
    try:
        return text.str.to_datetime(strict=False).dt.epoch("s")
    except pl.exceptions.PolarsError:
        return pl.Series(text.name, [None])


def _is_date(text: pl.Series) -> bool:
    return text.dtype == pl.String and len(text) > 0 and "-" in str(text[0])[1:]


def _no_number(
    column: pl.Series, bad: pl.Series, path: Path, first_line: int, way_out: str, wanted: str = "a number"
) -> DataError:
    row = int(bad.arg_true()[0])
    value = "empty" if column[row] is None else repr(column[row])
    return DataError(
        f"{path}, line {row + first_line}: the {column.name} is {value}, not {wanted} ({bad.sum()} such rows); "
        f"mend the file, or {way_out}"
    )
