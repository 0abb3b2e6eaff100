"""Lists: a user and items in each line."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from rexp.datasets.files import read_bytes
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
