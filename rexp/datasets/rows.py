"""Readers: a file in any common format becomes a frame with ``user``, ``item`` and, where known, ``rating``, ``time``.

Ids are read as text, so that leading zeros survive; Parquet keeps the type it has.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from rexp.api import Origin
from rexp.datasets.columns import find_columns, take_columns
from rexp.datasets.files import Columns, Format, read_bytes
from rexp.datasets.formats import SEPARATORS, guess_format, guess_separator, is_parquet
from rexp.datasets.formats import has_header as looks_headed
from rexp.datasets.lists import parse_lists
from rexp.datasets.normalize import ROLES, missing, normalize, place_of, refuse_missing
from rexp.datasets.tables import parse_parquet, parse_table
from rexp.datasets.text import as_utf8
from rexp.datasets.times import parse_times


def read_interactions(
    path: Path,
    format: Format = "auto",
    columns: Columns | None = None,
    *,
    separator: str | None = None,
    has_header: bool | None = None,
    encoding: str = "utf-8",
    time_format: str | None = None,
) -> pl.DataFrame:
    """Interactions of one file, in the file's order and in checked types; see :func:`read_rows`.

    Returns:
        ``user``, ``item`` and, where the file has them, ``rating`` (float64) and ``time``
        (:func:`rexp.datasets.times.parse_times`).

    Raises:
        DataError: the file is missing, empty or damaged, lacks a column, or has an id, rating or time that is none.
    """
    frame, origin = read_rows(
        path, format, columns, separator=separator, has_header=has_header, encoding=encoding, time_format=time_format
    )
    where = place_of("", origin)
    frame, _ = normalize(frame.select(role for role in ROLES if role in frame.columns), where)
    refuse_missing(frame, missing(frame), where)
    return frame


def read_rows(
    path: Path,
    format: Format = "auto",
    columns: Columns | None = None,
    *,
    separator: str | None = None,
    has_header: bool | None = None,
    encoding: str = "utf-8",
    time_format: str | None = None,
) -> tuple[pl.DataFrame, Origin]:
    """Every row of one file as it stands there, and where it comes from.

    Args:
        path: plain or gzip.
        format: "auto" goes by the file's name, then by its first line.
        columns: names or numbers of the columns; does not apply to lists.
        separator: between the fields, one character or more; by default that of the format.
        has_header: None: a first line with a known name is a header, one with a number is none.
        encoding: of the text.
        time_format: of times that are text, in the words of strptime; None reads numbers and ISO 8601.

    Returns:
        ``user``, ``item`` and, where the file has them, ``rating`` and ``time``, numbers where every cell is one; then
        its other columns.

    Raises:
        DataError: the file is missing, empty or damaged, or lacks a column.
    """
    data = read_bytes(path)
    columns = columns or Columns()
    header = True
    if format == "parquet" or (format == "auto" and is_parquet(path, data)):
        format, frame, first_line = "parquet", parse_parquet(data, path), 1
    else:
        data = as_utf8(data, path, encoding)
        format = guess_format(path, data, separator) if format == "auto" else format
        if format in ("list", "counted_list"):
            return parse_lists(data, path, counted=format == "counted_list"), Origin(path)
        separator = separator or SEPARATORS.get(format) or guess_separator(data)
        header = looks_headed(data, separator, columns, path, format) if has_header is None else has_header
        frame = parse_table(data, path, separator, has_header=header, quoted=format == "csv")
        first_line = 2 if header else 1
        if format == "inter":  # RecBole's header gives each column a type: "user_id:token"
            frame = frame.rename(lambda name: name.split(":")[0])
    taken = find_columns(frame.columns, columns, path, by_position=not header)
    origin = Origin(path, first_line, {str(role): name for role, name in taken.items()})
    frame = take_columns(frame, taken)
    if format not in ("csv", "parquet"):
        frame = frame.with_columns(_unquoted(frame[role]) for role, name in taken.items() if name)
    if time_format is not None and "time" in frame.columns:
        frame = frame.with_columns(parse_times(frame["time"], place_of("", origin), time_format))
    return frame.with_columns(_plain_numbers(frame)), origin


def _plain_numbers(frame: pl.DataFrame) -> list[pl.Series]:
    """Ratings and times that are numbers in every cell, as numbers, which take half the memory of text; others stay as
    they stand, for the messages."""
    columns = []
    kinds: dict[str, type[pl.DataType]] = {"rating": pl.Float64, "time": pl.Int64}
    for role, kind in kinds.items():
        if role in frame.columns and frame[role].dtype == pl.String and not frame[role].null_count():
            numbers = frame[role].cast(kind, strict=False)
            if not numbers.null_count() and (kind == pl.Int64 or bool(numbers.is_finite().all())):
                columns.append(numbers)
    return columns


def _unquoted(column: pl.Series) -> pl.Series:
    """Cells of a format without quotes, where whatever wrote the file quoted them whole all the same."""
    return column.str.replace(r'^\s*"(.*)"\s*$', "$1") if column.dtype == pl.String else column
