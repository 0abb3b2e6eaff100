"""What a file looks like: its format, its separator, and whether it has a header."""

from __future__ import annotations

import csv
from pathlib import Path

from rexp.datasets.columns import is_known
from rexp.datasets.files import Columns, Format, plain_name
from rexp.datasets.text import first_line
from rexp.errors import DataError

ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".dat": "dat",
    ".inter": "inter",
    ".list": "list",
}
SEPARATORS: dict[Format, str] = {"tsv": "\t", "inter": "\t", "dat": "::"}


def is_parquet(path: Path, data: bytes) -> bool:
    """Whether its name or its first bytes say so."""
    return ENDINGS.get(Path(plain_name(path)).suffix) == "parquet" or data[:4] == b"PAR1"


def guess_format(path: Path, data: bytes, separator: str | None) -> Format:
    """The format by the file's name, else by its first line.

    Raises:
        DataError: neither says it.
    """
    by_name = ENDINGS.get(Path(plain_name(path)).suffix)
    if by_name is not None:
        # "users.dat" of CiteULike and of MovieLens share an ending; only "::" is read as MovieLens' own.
        return "csv" if by_name == "dat" and "::" not in first_line(data) else by_name
    if separator is not None:
        return "csv"
    line = first_line(data)
    marks: tuple[tuple[str, Format], ...] = (("::", "dat"), ("\t", "tsv"), (",", "csv"), (";", "csv"))
    for mark, format in marks:
        if mark in line:
            return format
    raise DataError(
        f"the format of {path} is not clear from its name or first line; set data.format "
        "(list: 'user item item ...', counted_list: 'count item item ...') or data.separator (' ': one row a line)"
    )


def guess_separator(data: bytes) -> str:
    """The mark that is most often in the first line; a blank only where there is no other."""
    line = first_line(data)
    return max([",", "\t", ";", "|", " "], key=lambda mark: (line.count(mark) > 0) * (mark != " ") + line.count(mark))


def has_header(data: bytes, separator: str, columns: Columns, path: Path, format: Format) -> bool:
    """Whether the first line names the columns; without a known name or a number in it nobody can tell."""
    if format in ("inter", "dat"):
        return format == "inter"
    fields = fields_of(data, separator)
    if any(is_known(field, columns) for field in fields):
        return True
    if any(_is_number(field) for field in fields):
        return False
    raise DataError(
        f"{path}: the first line may be a header or a row ({', '.join(fields[:4])}); set data.has_header to true or "
        "false, or name the columns (data.columns.user, data.columns.item)"
    )


def fields_of(data: bytes, separator: str) -> list[str]:
    """The fields of the first line."""
    line = first_line(data)
    fields = next(csv.reader([line], delimiter=separator)) if len(separator) == 1 else line.split(separator)
    return [field.strip() for field in fields]


def _is_number(field: str) -> bool:
    try:
        float(field.strip().strip('"'))
    except ValueError:
        return False
    return True
