"""Lines of CiteULike-a that describe articles: numbers of tags, and of articles that are cited."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from rexp.datasets.text import read_lines
from rexp.errors import DataError


def read_articles(files: Mapping[str, Path]) -> pl.DataFrame | None:
    """A row an article, with its ``tags`` by name and its ``citations`` where their files are there; None without any.

    Raises:
        DataError: a line that does not hold as many numbers as it says, or files that do not fit each other.
    """
    columns = {}
    if {"item-tag.dat", "tags.dat"} <= set(files):
        columns["tags"] = _named(files["item-tag.dat"], files["tags.dat"])
    if "citations.dat" in files:
        columns["citations"] = _numbers(files["citations.dat"])
    if not columns:
        return None
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        counts = " and ".join(map(str, sorted(lengths)))
        raise DataError(f"item-tag.dat and citations.dat have {counts} lines; each needs one an item")
    return pl.DataFrame({"item": pl.int_range(lengths.pop(), eager=True).cast(pl.String), **columns})


def _numbers(path: Path) -> pl.Series:
    """Line k holds the numbers of item k, their count first."""
    lists = read_lines(path).str.extract_all(r"\d+").cast(pl.List(pl.Int64))
    wrong = (lists.list.first() != lists.list.len() - 1).fill_null(value=True)
    if wrong.any():
        raise DataError(
            f"{path}, line {wrong.arg_true()[0] + 1}: the first number is not the count of those that follow"
        )
    return lists.list.slice(1)


def _named(path: Path, names: Path) -> pl.Series:
    """Every item's tags by name; line k of ``names`` is tag k."""
    numbers, tags = _numbers(path), read_lines(names).to_list()
    if numbers.list.max().ge(len(tags)).any():
        raise DataError(f"{path} has a tag beyond the {len(tags):,} lines of {names}")
    return pl.Series([[tags[number] for number in row] for row in numbers.to_list()], dtype=pl.List(pl.String))
