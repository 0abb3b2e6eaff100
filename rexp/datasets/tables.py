"""Tables: separated text and Parquet as frames."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl

from rexp.api import Origin
from rexp.datasets.files import read_bytes
from rexp.datasets.formats import SEPARATORS, fields_of, guess_format, guess_separator, is_parquet
from rexp.datasets.text import as_utf8, first_line
from rexp.errors import DataError

UNIT_SEPARATOR = "\x1f"
"""Stands in for a separator of several characters, which polars does not take."""


def read_table(
    path: Path, separator: str, names: list[str] | None = None, encoding: str = "utf-8", quoted: bool = False
) -> pl.DataFrame:
    """A table of text columns; without a header where ``names`` are given (one for each column, in their order)."""
    data = as_utf8(read_bytes(path), path, encoding)
    frame = parse_table(data, path, separator, has_header=names is None, quoted=quoted)
    if names is None:
        return frame
    if len(names) > frame.width:
        raise DataError(f"{path} has {frame.width} columns, {len(names)} are wanted ({', '.join(names)})")
    return frame.select(pl.col(frame.columns[number]).alias(name) for number, name in enumerate(names))


def read_headed(path: Path, encoding: str = "utf-8") -> tuple[pl.DataFrame, Origin]:
    """A table with a header (Parquet, or separated text of any kind), and where it comes from."""
    data = read_bytes(path)
    if is_parquet(path, data):
        return parse_parquet(data, path), Origin(path)
    data = as_utf8(data, path, encoding)
    format = guess_format(path, data, None)
    separator = SEPARATORS.get(format) or guess_separator(data)
    frame = parse_table(data, path, separator, has_header=True, quoted=format == "csv")
    if format == "inter":
        frame = frame.rename(lambda name: name.split(":")[0])
    return frame, Origin(path, 2)


def parse_table(data: bytes, path: Path, separator: str, *, has_header: bool, quoted: bool) -> pl.DataFrame:
    """Separated UTF-8 text as a frame of text columns, ``column_1`` ... where there is no header."""
    if has_header:
        _refuse_repeated_names(data, path, separator, quoted=quoted)
    if len(separator) > 1:
        data, separator = data.replace(separator.encode(), UNIT_SEPARATOR.encode()), UNIT_SEPARATOR
    try:
        frame = pl.read_csv(
            io.BytesIO(data),
            separator=separator,
            has_header=has_header,
            infer_schema=False,
            quote_char='"' if quoted else None,
        )
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0].rstrip(".")
        hint = "check data.separator and data.format"
        raise DataError(f"{path} cannot be read as a table: {reason}; {hint}") from error
    if frame.is_empty():
        raise DataError(f"{path} has a header and no rows; a data file needs at least one interaction")
    return frame


def parse_parquet(data: bytes, path: Path) -> pl.DataFrame:
    """A Parquet file's bytes as a frame in its own types."""
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path} is no Parquet file ({str(error).splitlines()[0]}); set data.format") from error
    if frame.is_empty():
        raise DataError(f"{path} has no rows; a data file needs at least one interaction")
    return frame


def _refuse_repeated_names(data: bytes, path: Path, separator: str, *, quoted: bool) -> None:
    names = fields_of(data, separator) if quoted else first_line(data).split(separator)
    repeated = next((name for name in names if name and names.count(name) > 1), None)
    if repeated is not None:
        raise DataError(
            f"{path}, line 1: two columns are called '{repeated}'; rename one, or set data.has_header=false"
        )
