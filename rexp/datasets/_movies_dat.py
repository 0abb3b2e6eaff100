"""Movies and users from the forms that MovieLens introduced."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from rexp.datasets.tables import read_table


def read_movies(path: Path, encoding: str) -> pl.DataFrame:
    """``item::title (year)::genre|genre`` as ``item``, ``title``, ``year`` and ``genres`` (a list, maybe empty)."""
    frame = read_table(path, "::", ["item", "title", "genres"], encoding=encoding)
    genres = pl.col("genres").fill_null("").str.split("|").list.eval(pl.element().filter(pl.element() != ""))
    return frame.select("item", "title", year_of("title"), genres.alias("genres"))


def read_flags(path: Path, genres: Sequence[str], encoding: str) -> pl.DataFrame:
    """``item|title (year)|released|video|url|0|1|...``, a flag for each genre, as the same columns."""
    frame = read_table(path, "|", ["item", "title", "released", "video", "url", *genres], encoding=encoding)
    named = [pl.when(pl.col(genre) == "1").then(pl.lit(genre)) for genre in genres]
    return frame.select("item", "title", year_of("title"), pl.concat_list(named).list.drop_nulls().alias("genres"))


def read_users(path: Path) -> pl.DataFrame:
    """``user|age|gender|occupation|zip``, or ``user::gender::age::occupation::zip`` in a ``.dat``, as text."""
    if ".dat" in path.suffixes:
        return read_table(path, "::", ["user", "gender", "age", "occupation", "zip"])
    return read_table(path, "|", ["user", "age", "gender", "occupation", "zip"])


def year_of(title: str) -> pl.Expr:
    """The year in brackets at the end of a title column, null where there is none."""
    return pl.col(title).str.extract(r"\((\d{4})\)\s*$").cast(pl.Int32).alias("year")
