"""Readers: a file in any common format becomes a frame with ``user``, ``item`` and, where known, ``rating``, ``time``.

Ids are read as text, so that leading zeros survive; Parquet keeps the type it has.
"""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl

from rexp.data.columns import standardise
from rexp.data.source import Columns, Format, plain_name, read_bytes
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
) -> pl.DataFrame:
    """Interactions of one file, in the file's order.

    Args:
        path: plain or gzip.
        format: "auto" goes by the file's name, then by its first line.
        columns: names or numbers of the columns; does not apply to lists.
        separator: between the fields, one character or more; by default that of the format.
        has_header: None: a first line without any number is a header.
        encoding: of the text.

    Returns:
        ``user``, ``item`` and, where the file has them, ``rating`` (float64) and ``time`` (int64 or float64).

    Raises:
        DataError: the file is missing, empty or damaged, lacks a column, or has a rating or time that is none.
    """
    data = read_bytes(path)
    columns = columns or Columns()
    if format == "parquet" or (format == "auto" and _is_parquet(path, data)):
        return standardise(_parse_parquet(data, path), columns, path, first_line=1)
    data = _as_utf8(data, path, encoding)
    format = _guess_format(path, data, separator) if format == "auto" else format
    if format in ("list", "counted_list"):
        return parse_lists(data, path, counted=format == "counted_list")
    separator = separator or SEPARATORS.get(format) or _guess_separator(data)
    if has_header is None:
        has_header = format == "inter" or (format != "dat" and _looks_like_header(data, separator))
    frame = parse_table(data, path, separator, has_header=has_header, quoted=format == "csv")
    if format == "inter":  # RecBole's header gives each column a type: "user_id:token"
        frame = frame.rename(lambda name: name.split(":")[0])
    return standardise(frame, columns, path, first_line=2 if has_header else 1, by_position=not has_header)


def read_table(
    path: Path, separator: str, names: list[str] | None = None, encoding: str = "utf-8", quoted: bool = False
) -> pl.DataFrame:
    """A table of text columns; without a header where ``names`` are given (one for each column, in their order)."""
    data = _as_utf8(read_bytes(path), path, encoding)
    frame = parse_table(data, path, separator, has_header=names is None, quoted=quoted)
    if names is None:
        return frame
    if len(names) > frame.width:
        raise DataError(f"{path} has {frame.width} columns, {len(names)} are wanted ({', '.join(names)})")
    return frame.select(pl.col(frame.columns[number]).alias(name) for number, name in enumerate(names))


def parse_table(data: bytes, path: Path, separator: str, *, has_header: bool, quoted: bool) -> pl.DataFrame:
    """Separated UTF-8 text as a frame of text columns, ``column_1`` ... where there is no header."""
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
        hint = "set data.encoding, e.g. latin-1" if "utf" in reason.lower() else "check data.separator and data.format"
        raise DataError(f"{path} cannot be read as a table: {reason}; {hint}") from error
    if frame.is_empty():
        raise DataError(f"{path} has a header and no rows; a data file needs at least one interaction")
    return frame


def read_lists(path: Path, *, counted: bool = False) -> pl.DataFrame:
    """Lists, one user a line: ``user item item ...``, or ``count item item ...`` where the line number is the user."""
    return parse_lists(_as_utf8(read_bytes(path), path), path, counted=counted)


def parse_lists(data: bytes, path: Path, *, counted: bool) -> pl.DataFrame:
    """See :func:`read_lists`."""
    lines = _lines(data, path).str.extract_all(r"\S+")
    frame = pl.DataFrame({"fields": lines}).with_row_index("line")
    if not counted:
        frame = frame.filter(pl.col("fields").list.len() > 0)
        user = pl.col("fields").list.first()
    else:
        _check_counts(frame, path)
        user = pl.col("line").cast(pl.String)
    frame = frame.select(user=user, item=pl.col("fields").list.slice(1)).filter(pl.col("item").list.len() > 0)
    if frame.is_empty():
        raise DataError(f"{path} has no line with an item; a data file needs at least one interaction")
    return frame.explode("item")


def _check_counts(frame: pl.DataFrame, path: Path) -> None:
    stated = pl.col("fields").list.first().cast(pl.Int64, strict=False)
    wrong = frame.filter(~stated.eq_missing(pl.col("fields").list.len().cast(pl.Int64) - 1))
    if len(wrong):
        raise DataError(
            f"{path}, line {wrong['line'][0] + 1}: the first number is not the count of the items that follow; "
            "data.format=list reads lines that start with the user"
        )


def read_candidates(path: Path) -> pl.DataFrame:
    """The given negatives of each user: ``user`` and ``items`` (a list column).

    A line is a user and items, or NCF's ``(user,test item)`` and items, separated by blanks, tabs or commas.
    """
    lines = _lines(_as_utf8(read_bytes(path), path), path)
    lines = lines.filter(lines.str.strip_chars() != "")
    pair = lines.str.extract(r"^\s*\(([^,()]+),[^()]*\)")
    rest = lines.str.replace(r"^\s*\([^()]*\)", "").str.extract_all(r"[^\s,]+")
    frame = pl.DataFrame({"pair": pair.str.strip_chars(), "fields": rest})
    alone = pl.col("pair").is_null()
    return frame.select(
        user=pl.when(alone).then(pl.col("fields").list.first()).otherwise(pl.col("pair")),
        items=pl.when(alone).then(pl.col("fields").list.slice(1)).otherwise(pl.col("fields")),
    )


def _as_utf8(data: bytes, path: Path, encoding: str = "utf-8") -> bytes:
    """The text in UTF-8 without a byte-order mark, its lines ended by a line feed alone."""
    if encoding.lower().replace("_", "-") not in ("utf-8", "utf8"):
        try:
            data = data.decode(encoding).encode()
        except (LookupError, UnicodeError) as error:
            raise DataError(f"{path} cannot be decoded: {error}; mend data.encoding={encoding}") from error
    data = data.removeprefix(b"\xef\xbb\xbf")
    return data.replace(b"\r\n", b"\n") if b"\r\n" in data else data


def _lines(data: bytes, path: Path) -> pl.Series:
    try:
        return pl.Series("line", data.decode().removesuffix("\n").split("\n"))
    except UnicodeDecodeError as error:
        raise DataError(f"{path} cannot be decoded: {error}; set data.encoding, e.g. latin-1") from error


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
    for mark, format in (("::", "dat"), ("\t", "tsv"), (",", "csv"), (";", "csv")):
        if mark in line:
            return format  # type: ignore[return-value]
    raise DataError(
        f"the format of {path} is not clear from its name or first line; set data.format "
        "(list: 'user item item ...', counted_list: 'count item item ...') or data.separator (' ': one row a line)"
    )


def _guess_separator(data: bytes) -> str:
    line = _first_line(data)
    return max([",", "\t", ";", "|", " "], key=lambda mark: (line.count(mark) > 0) * (mark != " ") + line.count(mark))


def _looks_like_header(data: bytes, separator: str) -> bool:
    return not any(_is_number(field) for field in _first_line(data).split(separator))


def _is_number(field: str) -> bool:
    try:
        float(field.strip().strip('"'))
    except ValueError:
        return False
    return True


def _first_line(data: bytes) -> str:
    return data.split(b"\n", 1)[0].decode("utf-8", errors="replace").strip("\r")
