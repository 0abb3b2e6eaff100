"""Lists: a user and items in each line, taken ones or given negatives."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from rexp.datasets.files import Pairs, read_bytes
from rexp.datasets.text import as_utf8, lines_of
from rexp.errors import DataError


def read_lists(path: Path, *, counted: bool = False) -> pl.DataFrame:
    """Lists, one user a line: ``user item item ...``, or ``count item item ...`` where the line number is the user."""
    return parse_lists(as_utf8(read_bytes(path), path), path, counted=counted)


def parse_lists(data: bytes, path: Path, *, counted: bool) -> pl.DataFrame:
    """See :func:`read_lists`."""
    lines = lines_of(data).str.extract_all(r"\S+")
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
    lines = lines_of(as_utf8(read_bytes(path), path, encoding))
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
