"""Readers: a file in any common format becomes a frame with ``user``, ``item`` and, where known, ``rating``, ``time``.

Ids are read as text, so that leading zeros survive; Parquet keeps the type it has.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl

from rexp.api import Origin
from rexp.datasets.columns import find_columns, is_known, take_columns
from rexp.datasets.files import Columns, Format, Pairs, plain_name, read_bytes
from rexp.datasets.normalize import ROLES, missing, normalize, place_of, refuse_missing
from rexp.datasets.times import parse_times
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
TAIL = 4096
"""Bytes at the end of a text that are looked at first for blank lines, so that it need not be copied."""
UNIT_SEPARATOR = "\x1f"
"""Stands in for a separator of several characters, which polars does not take."""


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
    if format == "parquet" or (format == "auto" and _is_parquet(path, data)):
        format, frame, first_line = "parquet", _parse_parquet(data, path), 1
    else:
        data = as_utf8(data, path, encoding)
        format = _guess_format(path, data, separator) if format == "auto" else format
        if format in ("list", "counted_list"):
            return parse_lists(data, path, counted=format == "counted_list"), Origin(path)
        separator = separator or SEPARATORS.get(format) or _guess_separator(data)
        header = _has_header(data, separator, columns, path, format) if has_header is None else has_header
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
    if _is_parquet(path, data):
        return _parse_parquet(data, path), Origin(path)
    data = as_utf8(data, path, encoding)
    format = _guess_format(path, data, None)
    separator = SEPARATORS.get(format) or _guess_separator(data)
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


def read_lists(path: Path, *, counted: bool = False) -> pl.DataFrame:
    """Lists, one user a line: ``user item item ...``, or ``count item item ...`` where the line number is the user."""
    return parse_lists(as_utf8(read_bytes(path), path), path, counted=counted)


def parse_lists(data: bytes, path: Path, *, counted: bool) -> pl.DataFrame:
    """See :func:`read_lists`."""
    lines = _lines(data).str.extract_all(r"\S+")
    frame = pl.DataFrame({"fields": lines}).with_row_index("line")
    if not counted:
        frame = frame.filter(pl.col("fields").list.len() > 0)
        _refuse_counts(frame, path)
        user = pl.col("fields").list.first()
    else:
        _check_counts(frame, path)
        user = pl.col("line").cast(pl.String)
    frame = frame.select(user=user, item=pl.col("fields").list.slice(1)).filter(pl.col("item").list.len() > 0)
    if frame.is_empty():
        raise DataError(f"{path} has no line with an item; a data file needs at least one interaction")
    return frame.explode("item")


def _refuse_counts(frame: pl.DataFrame, path: Path) -> None:
    """Lists whose first numbers are all the count of what follows, the same one more than once, have no users."""
    first = frame["fields"].list.first()
    counts = first.cast(pl.Int64, strict=False).eq_missing(frame["fields"].list.len().cast(pl.Int64) - 1)
    if counts.all() and first.is_duplicated().any():
        raise DataError(
            f"{path}: every line starts with the number of the items that follow, so these are no users; "
            "set data.format=counted_list"
        )


def _check_counts(frame: pl.DataFrame, path: Path) -> None:
    stated = pl.col("fields").list.first().cast(pl.Int64, strict=False)
    wrong = frame.filter(~stated.eq_missing(pl.col("fields").list.len().cast(pl.Int64) - 1))
    if len(wrong):
        raise DataError(
            f"{path}, line {wrong['line'][0] + 1}: the first number is not the count of the items that follow; "
            "data.format=list reads lines that start with the user"
        )


def read_candidates(path: Path, encoding: str = "utf-8", pairs: Pairs = "refuse") -> pl.DataFrame:
    """The given negatives, a row a line: ``user`` and ``items`` (a list column), and ``target`` where pairs are apart.

    A line is a user and items, or NCF's ``(user,test item)`` and items, separated by blanks, tabs or commas.

    Args:
        path: the file.
        encoding: of its text.
        pairs: what several lines ``(user,test item)`` of one user are: "refuse"; "join" ranks the test items in one
            list among the negatives of all of them, "apart" each in a list of its own.

    Raises:
        DataError: two lines in NCF's format are of one user, and ``pairs`` does not say what becomes of them; or a line
            without a test item where they are apart.
    """
    lines = _lines(as_utf8(read_bytes(path), path, encoding))
    frame = pl.DataFrame({"line": lines}).with_row_index("number", offset=1)
    frame = frame.filter(pl.col("line").str.strip_chars() != "")
    line = pl.col("line")
    frame = frame.select(
        "number",
        pair=line.str.extract(r"^\s*\(([^,()]+),[^()]*\)").str.strip_chars(),
        target=line.str.extract(r"^\s*\([^,()]+,([^()]*)\)").str.strip_chars(),
        fields=line.str.replace(r"^\s*\([^()]*\)", "").str.extract_all(r"[^\s,]+"),
    )
    again = frame.filter(pl.col("pair").is_not_null() & pl.col("pair").is_duplicated())
    if len(again) and pairs == "refuse":
        user = again["pair"][0]
        first, second = again.filter(pl.col("pair") == user)["number"][:2]
        raise DataError(
            f"{path}, lines {first} and {second}: both are of user {user}, each for one test item; data.pairs=apart "
            "ranks each of them in its own list, data.pairs=join all of a user in one, among the negatives of all its "
            "lines"
        )
    alone = pl.col("pair").is_null()
    if pairs == "apart" and len(plain := frame.filter(alone)):
        raise DataError(
            f"{path}, line {plain['number'][0]}: data.pairs=apart, and it does not begin with (user,test item)"
        )
    return frame.select(
        *(["target"] if pairs == "apart" else []),
        user=pl.when(alone).then(pl.col("fields").list.first()).otherwise(pl.col("pair")),
        items=pl.when(alone).then(pl.col("fields").list.slice(1)).otherwise(pl.col("fields")),
    )


def as_utf8(data: bytes, path: Path, encoding: str = "utf-8") -> bytes:
    """The text in UTF-8 without a byte-order mark and blank last lines, its lines ended by a line feed alone.

    Raises:
        DataError: it is not in this encoding; says in which line.
    """
    if data.isascii() and encoding in ("utf-8", "latin-1"):
        return _lines_ended(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        hint = "set data.encoding, e.g. latin-1" if error.encoding == "utf-8" else f"mend data.encoding={encoding}"
        raise DataError(f"{path}, line {line}, cannot be decoded: {error}; {hint}") from error
    except (LookupError, UnicodeError) as error:
        raise DataError(f"{path} cannot be decoded: {error}; mend data.encoding={encoding}") from error
    return _lines_ended(text.removeprefix("\ufeff").encode())


def _lines_ended(data: bytes) -> bytes:
    """The text without blank last lines, its lines ended by a line feed alone."""
    data = data.replace(b"\r\n", b"\n") if b"\r\n" in data else data
    tail = data[-TAIL:] if data[-TAIL:].strip() else data
    end = data.find(b"\n", len(data) - len(tail) + len(tail.rstrip()))
    return data if end < 0 else data[: end + 1]


def read_lines(path: Path) -> pl.Series:
    """The lines of a text file, without blank ones at its end."""
    return _lines(as_utf8(read_bytes(path), path))


def _lines(data: bytes) -> pl.Series:
    return pl.Series("line", data.decode().removesuffix("\n").split("\n"))


def _is_parquet(path: Path, data: bytes) -> bool:
    return ENDINGS.get(Path(plain_name(path)).suffix) == "parquet" or data[:4] == b"PAR1"


def _parse_parquet(data: bytes, path: Path) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path} is no Parquet file ({str(error).splitlines()[0]}); set data.format") from error
    if frame.is_empty():
        raise DataError(f"{path} has no rows; a data file needs at least one interaction")
    return frame


def _guess_format(path: Path, data: bytes, separator: str | None) -> Format:
    by_name = ENDINGS.get(Path(plain_name(path)).suffix)
    if by_name is not None:
        # "users.dat" of CiteULike and of MovieLens share an ending; only "::" is read as MovieLens' own.
        return "csv" if by_name == "dat" and "::" not in _first_line(data) else by_name
    if separator is not None:
        return "csv"
    line = _first_line(data)
    marks: tuple[tuple[str, Format], ...] = (("::", "dat"), ("\t", "tsv"), (",", "csv"), (";", "csv"))
    for mark, format in marks:
        if mark in line:
            return format
    raise DataError(
        f"the format of {path} is not clear from its name or first line; set data.format "
        "(list: 'user item item ...', counted_list: 'count item item ...') or data.separator (' ': one row a line)"
    )


def _guess_separator(data: bytes) -> str:
    line = _first_line(data)
    return max([",", "\t", ";", "|", " "], key=lambda mark: (line.count(mark) > 0) * (mark != " ") + line.count(mark))


def _has_header(data: bytes, separator: str, columns: Columns, path: Path, format: Format) -> bool:
    """Whether the first line names the columns; without a known name or a number in it nobody can tell."""
    if format in ("inter", "dat"):
        return format == "inter"
    fields = _fields(data, separator)
    if any(is_known(field, columns) for field in fields):
        return True
    if any(_is_number(field) for field in fields):
        return False
    raise DataError(
        f"{path}: the first line may be a header or a row ({', '.join(fields[:4])}); set data.has_header to true or "
        "false, or name the columns (data.columns.user, data.columns.item)"
    )


def _refuse_repeated_names(data: bytes, path: Path, separator: str, *, quoted: bool) -> None:
    names = _fields(data, separator) if quoted else _first_line(data).split(separator)
    repeated = next((name for name in names if name and names.count(name) > 1), None)
    if repeated is not None:
        raise DataError(
            f"{path}, line 1: two columns are called '{repeated}'; rename one, or set data.has_header=false"
        )


def _fields(data: bytes, separator: str) -> list[str]:
    line = _first_line(data)
    fields = next(csv.reader([line], delimiter=separator)) if len(separator) == 1 else line.split(separator)
    return [field.strip() for field in fields]


def _is_number(field: str) -> bool:
    try:
        float(field.strip().strip('"'))
    except ValueError:
        return False
    return True


def _first_line(data: bytes) -> str:
    end = data.find(b"\n")
    return (data if end < 0 else data[:end]).decode("utf-8", errors="replace").strip("\r")
