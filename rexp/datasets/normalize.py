"""The one form that ids, ratings and times take, whatever file or plugin they come from.

Ids are whole numbers or text: blanks around them are taken off, an empty one is missing, categories are the text they
stand for, and in a column of numbers alone ``7.0`` is ``7``. Ratings are float64; ``NaN`` is a missing one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import polars as pl

from rexp.datasets.times import parse_times
from rexp.errors import DataError

if TYPE_CHECKING:
    from rexp.api import Origin

Role = Literal["user", "item", "rating", "time"]
ROLES: tuple[Role, ...] = ("user", "item", "rating", "time")
Where = Callable[[int], str]
"""From a row's number, from 0, to where it stands: ``ratings.csv, line 3``."""

WHOLE = r"^-?\d+(\.0+)?$"
LARGEST = 2**63 - 1


def place_of(name: str, origin: Origin | None) -> Where:
    """A row's name in messages: its file and line where known."""
    if origin is None:
        return lambda row: f"{name}, row {row + 1}"
    return lambda row: f"{origin.path}, line {origin.first_line + row}"


def normalize(frame: pl.DataFrame, where: Where, time_format: str | None = None) -> tuple[pl.DataFrame, dict[str, int]]:
    """Bring the columns of the four roles into their one form; the other columns stay as they are.

    Args:
        frame: ``user``, ``item`` and maybe ``rating``, ``time``.
        where: names a row.
        time_format: of times that are text, in the words of strptime; None reads numbers and ISO 8601.

    Returns:
        the frame, in which a missing cell is null, and how many cells were changed by what.

    Raises:
        DataError: a column or cell that cannot be an id, a rating or a time.
    """
    changed: dict[str, int] = {}
    columns = []
    for role in (role for role in ROLES if role in frame.columns):
        if role in ("user", "item"):
            columns.append(normal_ids(frame[role], where, changed))
        elif role == "rating":
            columns.append(_numbers(frame[role], where))
        else:
            columns.append(parse_times(frame[role], where, time_format))
    return frame.with_columns(columns), changed


def normal_ids(ids: pl.Series, where: Where, changed: dict[str, int] | None = None) -> pl.Series:
    """Ids as whole numbers or text, null where there is none; ``changed`` takes the counts of changed cells.

    Raises:
        DataError: the column holds lists or other things that are no ids, or numbers with a fraction.
    """
    changed = {} if changed is None else changed
    kind = ids.dtype
    if kind == pl.Null:
        return ids.cast(pl.String)
    if kind.is_nested() or kind in (pl.Object, pl.Binary):
        raise DataError(
            f"{where(0)}: the {ids.name} is {_words(kind)}, and an id is text or a whole number; give one row for each "
            "user and item"
        )
    if kind.is_float() or kind.is_decimal():
        return _whole_numbers(ids, where)
    if kind.is_integer():
        return ids.cast(pl.Int64) if (ids.max() or 0) <= LARGEST else ids.cast(pl.String)  # type: ignore[operator]
    return _text(ids.cast(pl.String), changed)


def _words(kind: pl.DataType) -> str:
    return "a list" if isinstance(kind, pl.List | pl.Array) else f"of the type {kind}"


def _whole_numbers(ids: pl.Series, where: Where) -> pl.Series:
    numbers = ids.cast(pl.Float64).fill_nan(None)
    bad = ((numbers != numbers.floor()) | numbers.is_infinite()).fill_null(value=False)
    if bad.any():
        row = int(bad.arg_true()[0])
        raise DataError(f"{where(row)}: the {ids.name} is {ids[row]}, and an id is text or a whole number")
    return numbers.cast(pl.Int64) if ids.dtype.is_float() else ids.cast(pl.Int64)


def _text(ids: pl.Series, changed: dict[str, int]) -> pl.Series:
    name = ids.name
    plain = ids.str.strip_chars()
    _count(changed, f"{name}: blanks taken off", (plain != ids) & (plain != ""))
    if (plain == "").any():
        plain = plain.set(plain == "", None)
    elif (plain == ids).all():
        plain = ids  # one copy of the text is enough
    if plain.str.contains(r"\.0+$").any() and plain.str.contains(WHOLE).all():
        whole = plain.str.replace(r"\.0+$", "")
        _count(changed, f"{name}: written as whole numbers", whole != plain)
        plain = whole
    return plain


def _count(changed: dict[str, int], what: str, cells: pl.Series) -> None:
    if n := int(cells.sum()):
        changed[what] = changed.get(what, 0) + n


def _numbers(column: pl.Series, where: Where) -> pl.Series:
    if column.dtype.is_nested() or column.dtype.is_temporal() or column.dtype in (pl.Object, pl.Binary):
        raise DataError(f"{where(0)}: the rating is {_words(column.dtype)}, not a number")
    if column.dtype in (pl.Categorical, pl.Enum, pl.Null):
        column = column.cast(pl.String)
    if column.dtype == pl.String:
        column = column.str.strip_chars()
        column = column.set(column == "", None)
    numbers = column.cast(pl.Float64, strict=False)
    bad = column.is_not_null() & (numbers.is_null() | numbers.is_infinite())
    if bad.any():
        row = int(bad.arg_true()[0])
        raise DataError(
            f"{where(row)}: the {column.name} is {column[row]!r}, not a number ({bad.sum()} such rows); mend the file, "
            "or data.columns.rating='' reads no ratings"
        )
    return numbers.fill_nan(None)


def missing(frame: pl.DataFrame) -> pl.Series:
    """(N,) bool: which rows lack an id, a rating or a time."""
    roles = [role for role in ROLES if role in frame.columns]
    return frame.select(pl.any_horizontal(pl.col(roles).is_null()).alias("missing"))["missing"]


def refuse_missing(frame: pl.DataFrame, lacking: pl.Series, where: Where) -> None:
    """Raise a DataError where a row lacks something; names the first one, and what it lacks."""
    if not lacking.any():
        return
    row = int(lacking.arg_true()[0])
    role = next(role for role in ROLES if role in frame.columns and frame[role][row] is None)
    raise DataError(
        f"{where(row)}: the {role} is empty ({int(lacking.sum())} rows lack something); mend them, or "
        "data.filter.on_missing=drop leaves them out"
    )
