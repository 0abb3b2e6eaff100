"""Times at the precision that the data has: parsed from text, then whole numbers of one unit for all parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import polars as pl

from rexp.errors import DataError

if TYPE_CHECKING:
    Where = Callable[[int], str]

ISO = (
    r"^(?P<day>\d{4}[-/]\d{2}[-/]\d{2})"
    r"(?:[T ]+(?P<clock>\d{1,2}:\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r" ?(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?)?$"
)
UNITS = {"ms": 10**3, "us": 10**6, "ns": 10**9}
"""Ticks a second of polars' units."""


def parse_times(column: pl.Series, where: Where, time_format: str | None = None) -> pl.Series:
    """Times as int64, float64 or (dates and date-times, in UTC) as ``Datetime``; null where one is missing.

    Args:
        column: numbers, dates, or text of either.
        where: names a row in a message.
        time_format: of text, in the words of strptime; None takes numbers and ISO 8601 (``2020-01-31 09:30:00.25``).

    Raises:
        DataError: a column that holds no times, or a cell that is none.
    """
    kind = column.dtype
    if kind == pl.Date:
        return column.cast(pl.Datetime("us"))
    if isinstance(kind, pl.Datetime):
        return column.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if kind.time_zone else column
    if kind.is_integer():
        return column.cast(pl.Int64)
    if kind.is_float() or kind.is_decimal():
        return _checked(column, column.cast(pl.Float64).fill_nan(None), where)
    if kind == pl.Null:
        return column.cast(pl.Int64)
    if kind not in (pl.String, pl.Categorical, pl.Enum):
        raise DataError(
            f"{where(0)}: the time is of the type {kind}; a time is a number, a date or a date with its time of day "
            "(data.columns.time='' reads no times)"
        )
    return _of_text(column.cast(pl.String), where, time_format)


def _of_text(column: pl.Series, where: Where, time_format: str | None) -> pl.Series:
    text = column.str.strip_chars()
    text = text.set(text.str.to_lowercase().is_in(["", "nan"]), None)
    if time_format is not None:
        return _checked(text, _formatted(text, time_format), where)
    known = text.null_count()
    for convert in (pl.Int64, pl.Float64):
        numbers = text.cast(convert, strict=False)
        if numbers.null_count() == known and not (convert == pl.Float64 and not numbers.is_finite().all()):
            return numbers
    first = text.drop_nulls()
    dates = bool(len(first)) and first[0][:1].isdigit() and any(mark in first[0] for mark in "-/:")
    return _checked(text, _iso(text) if dates else text.cast(pl.Float64, strict=False), where)


def _formatted(text: pl.Series, time_format: str) -> pl.Series:
    try:
        return text.str.to_datetime(time_format, strict=False, time_unit="us")
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"data.time_format={time_format!r} is no format of strptime: {reason}") from error


def _iso(text: pl.Series) -> pl.Series:
    fields = text.str.extract_groups(ISO).struct.unnest()
    clock = pl.coalesce(pl.col("clock"), pl.lit("00:00")).str.zfill(5)
    second = pl.coalesce(pl.col("second"), pl.lit("00"))
    written = pl.concat_str(pl.col("day").str.replace_all("/", "-"), clock, second, separator=" ")
    base = written.str.to_datetime("%Y-%m-%d %H:%M %S", strict=False, time_unit="us")
    sign = pl.when(pl.col("zone").str.starts_with("-")).then(-1).otherwise(1)
    zone = pl.col("zone").str.replace_all(r"[^\d]", "")
    minutes = zone.str.slice(0, 2).cast(pl.Int64, strict=False) * 60 + zone.str.slice(2).cast(pl.Int64, strict=False)
    offset = (sign * minutes).fill_null(0)
    parts = fields.select(
        base=base - pl.duration(minutes=offset),
        ns=pl.col("fraction").str.pad_end(9, "0").cast(pl.Int64).fill_null(0),
    )
    if bool((parts["ns"] % 1000 == 0).all()):
        result = parts.select((pl.col("base") + pl.duration(microseconds=pl.col("ns") // 1000)).alias(text.name))
    else:
        precise = pl.col("base").cast(pl.Datetime("ns"))
        result = parts.select((precise + pl.duration(nanoseconds="ns", time_unit="ns")).alias(text.name))
    return result[text.name]


def _checked(column: pl.Series, times: pl.Series, where: Where) -> pl.Series:
    bad = times.is_null() & column.is_not_null()
    if times.dtype.is_float():
        bad = bad & ~column.is_nan() if column.dtype.is_float() else bad
        bad = bad | times.is_infinite().fill_null(value=False)
    if bad.any():
        row = int(bad.arg_true()[0])
        raise DataError(
            f"{where(row)}: the time is {column[row]!r}, not a time ({bad.sum()} such rows): a number, a date such as "
            "2020-01-31 09:30:00.25, or what data.time_format says; data.columns.time='' reads no times"
        )
    return times


def as_ticks(frames: Mapping[str, pl.DataFrame]) -> tuple[dict[str, pl.DataFrame], int]:
    """The same frames with ``time`` as numbers of one unit, and how many of these make one of the data's own.

    Date-times become int64 of the coarsest of second, milli-, micro- and nanosecond that loses nothing. Other numbers
    stay: int64 where all are whole, else float64; for them the unit is 1.

    Raises:
        DataError: some parts have dates and others numbers.
    """
    timed = {name: frame["time"] for name, frame in frames.items() if "time" in frame.columns}
    dated = {name: column for name, column in timed.items() if column.dtype.is_temporal()}
    if dated and len(dated) < len(timed):
        other = next(name for name in timed if name not in dated)
        raise DataError(f"the times of {next(iter(dated))} are dates, those of {other} numbers; give both in one form")
    columns, ticks = _whole_units(dated) if dated else (_one_type(timed), 1)
    numbered = {name: frame.with_columns(columns[name]) if name in columns else frame for name, frame in frames.items()}
    return numbered, ticks


def _one_type(timed: Mapping[str, pl.Series]) -> dict[str, pl.Series]:
    whole = all(column.dtype.is_integer() or bool((column == column.floor()).all()) for column in timed.values())
    return {name: column.cast(pl.Int64 if whole else pl.Float64) for name, column in timed.items()}


def _whole_units(dated: Mapping[str, pl.Series]) -> tuple[dict[str, pl.Series], int]:
    units = [kind.time_unit for column in dated.values() if isinstance(kind := column.dtype, pl.Datetime)]
    finest = max(units, key=UNITS.__getitem__)
    numbers = {name: column.cast(pl.Datetime(finest)).to_physical() for name, column in dated.items()}
    for ticks in (1, *UNITS.values()):
        step = UNITS[finest] // ticks
        if all(bool((column % step == 0).all()) for column in numbers.values()):
            break
    return {name: column // step for name, column in numbers.items()}, ticks
