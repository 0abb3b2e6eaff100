"""Labeled rows of Frappe: the published ones, and training rows that are rebuilt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from rexp.datasets.tables import read_table
from rexp.errors import DataError

CONTEXT = ("daytime", "weekday", "isweekend", "homework", "cost", "weather", "country", "city")
COLUMNS = ("user", "item", *CONTEXT)
NEGATIVES = 2
"""Rows that the publishers drew for each use of an app: another app, of the same user in the same context."""


def read_rows(paths: Mapping[str, Path], seed: int) -> dict[str, pl.DataFrame]:
    """The labeled rows of each part.

    Args:
        paths: of the files, by their plain names.
        seed: of the training negatives, where they are drawn.

    Raises:
        DataError: the files do not fit each other.
    """
    uses = read_table(paths["frappe.csv"], "\t").select(COLUMNS)
    parts = {
        part: _labeled(paths[name], uses)
        for part in ("train", "validation", "test")
        if (name := f"frappe.{part}.libfm") in paths
    }
    valid, test = parts["validation"], parts["test"]
    train = parts["train"] if "train" in parts else _rebuilt(uses, valid, test, seed)
    # The numbers of cities are codes.
    return {
        part: rows.with_columns(pl.col(CONTEXT).cast(pl.Categorical))
        for part, rows in (("train", train), ("valid", valid), ("test", test))
    }


def _labeled(path: Path, uses: pl.DataFrame) -> pl.DataFrame:
    """Rows ``label code:1 code:1 ...`` as ``rating`` and the columns of the table.

    Codes are whole numbers, consecutive from column to column: users and items by their ids, then the values of each
    context in the order in which they come first in the table.
    """
    rows = read_table(path, " ", ["rating", *COLUMNS])
    codes = rows.select(
        "rating", *(pl.col(name).str.strip_suffix(":1").cast(pl.Int64, strict=False) for name in COLUMNS)
    )
    columns, first = [codes["rating"].cast(pl.Float64)], 0
    for name in COLUMNS:
        known = _values(uses[name], numbered=name in ("user", "item"))
        places = codes[name] - first
        bad = places.is_null() | (places < 0) | (places >= len(known))
        if bad.any():
            row = int(bad.arg_true()[0])
            raise DataError(f"{path}, line {row + 1}: '{rows[name][row]}' is no code of {name} in frappe.csv")
        columns.append(known.gather(places).alias(name))
        first += len(known)
    return pl.DataFrame(columns)


def _values(column: pl.Series, *, numbered: bool) -> pl.Series:
    """What the codes of a column stand for, in their order."""
    if not numbered:
        return column.unique(maintain_order=True)
    size = int(column.cast(pl.Int64).to_numpy().max()) + 1
    return pl.int_range(size, eager=True).cast(pl.String).alias(column.name)


def _rebuilt(uses: pl.DataFrame, valid: pl.DataFrame, test: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The training rows: what validation and test leave of the uses, and of two negatives for each."""
    held = pl.concat([valid, test])
    positives = _without(uses, held.filter(pl.col("rating") > 0), COLUMNS)
    places = ["user", *CONTEXT]
    wanted = pl.concat([uses.select(places)] * NEGATIVES)
    negatives = _without(wanted, held.filter(pl.col("rating") < 0), places).sort(places)
    items = _unused_items(negatives["user"], uses, seed)
    return pl.concat(
        [
            positives.select(pl.lit(1.0).alias("rating"), *COLUMNS),
            negatives.with_columns(items).select(pl.lit(-1.0).alias("rating"), *COLUMNS),
        ]
    )


def _without(rows: pl.DataFrame, taken: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The rows without those that are taken, each as often as it is taken; equal rows are one as good as another.

    Raises:
        DataError: more are taken than there are.
    """

    def numbered(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select(*columns, copy=pl.int_range(pl.len()).over(columns))

    left = numbered(rows).join(numbered(taken), on=[*columns, "copy"], how="anti", maintain_order="left")
    if len(left) != len(rows) - len(taken):
        raise DataError("frappe.csv and the rows of validation and test do not fit each other; fetch them again")
    return left.drop("copy")


def _unused_items(users: pl.Series, uses: pl.DataFrame, seed: int) -> pl.Series:
    """For each row an item that its user never used, drawn uniformly; ``users`` lie together."""
    n_items = len(_values(uses["item"], numbered=True))
    used = dict(uses.group_by("user").agg(pl.col("item").cast(pl.Int64).unique()).iter_rows())
    chance = np.random.default_rng(seed)
    drawn = []
    for user, rows in users.rle().struct.unnest().select("value", "len").iter_rows():
        free = np.setdiff1d(np.arange(n_items), used[user])
        drawn.append(free[chance.integers(len(free), size=rows)])
    return pl.Series("item", np.concatenate(drawn)).cast(pl.String)


def read_apps(path: Path) -> pl.DataFrame:
    """What is known of the apps."""
    table = read_table(path, "\t", quoted=True).with_columns(pl.exclude("item").replace("unknown", None))
    return table.select(
        "item",
        "category",
        "downloads",
        "language",
        "price",
        "description",
        title="name",
        rating=pl.col("rating").cast(pl.Float64, strict=False),
    )
