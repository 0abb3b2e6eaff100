"""Given negatives: the candidates that are ranked beside the targets."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from rexp.datasets.files import Pairs, read_bytes
from rexp.datasets.text import as_utf8, lines_of
from rexp.errors import DataError


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
