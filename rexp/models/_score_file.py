"""Scores of pairs of user and item, read from a file of anybody's model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from rexp.datasets.files import own_file
from rexp.datasets.normalize import normal_ids, place_of
from rexp.datasets.tables import read_headed
from rexp.errors import ConfigError, DataError
from rexp.io.text import note

if TYPE_CHECKING:
    from rexp.data.split import Split
    from rexp.datasets.normalize import Where

SIDES = ("user", "item")
COLUMNS = (*SIDES, "score")


def read_scores(path: str, split: Split) -> csr_array:
    """The scores of a file under the dense ids of a split.

    The file (Parquet, or text with a header) has the columns ``user``, ``item`` and ``score``; others are not looked
    at. Ids are brought into the form that those of the data have. Users and items that the data does not have are left
    out, and a note says how many; who has no row has an empty list.

    Args:
        path: of the file.
        split: the data.

    Returns:
        (U, I) float32, a stored value for each pair of the file, 0 among them.

    Raises:
        ConfigError: no user, or no item, of the file is in the data.
        DataError: there is no such file; a column is missing, a cell is empty or no number, or a pair stands twice.
    """
    frame, origin = read_headed(own_file(path).path)
    if missing := [name for name in COLUMNS if name not in frame.columns]:
        raise DataError(
            f"{path} has no column {' and '.join(missing)}; a file of scores has user, item and score, and this one "
            f"has {', '.join(frame.columns)}"
        )
    where = place_of(path, origin)
    ids = [normal_ids(frame[side], where) for side in SIDES]
    rows = pl.DataFrame([*ids, frame["score"].cast(pl.Float32, strict=False)])
    _check(rows, where)
    known = _dense(rows, split, path)
    users, items = (known[side].to_numpy() for side in SIDES)
    _tell(path, np.bincount(users, minlength=split.n_users), len(rows) - len(known), len(rows))
    shape = split.n_users, split.n_items
    return csr_array((known["score"].to_numpy(), (users, items)), shape=shape, dtype=np.float32)


def _check(rows: pl.DataFrame, where: Where) -> None:
    for name in COLUMNS:
        bad = rows[name].is_null() if name != "score" else ~rows[name].is_finite().fill_null(value=False)
        if bad.any():
            what = "no finite number" if name == "score" else "empty"
            raise DataError(f"{where(int(bad.arg_true()[0]))}: the {name} is {what} ({bad.sum()} such rows)")
    again = ~rows.select(pl.struct(SIDES).is_first_distinct().alias("first"))["first"]
    if again.any():
        row = int(again.arg_true()[0])
        user, item = rows["user"][row], rows["item"][row]
        raise DataError(
            f"{where(row)}: user {user} and item {item} have a score already ({again.sum()} such rows); leave one for "
            "each pair"
        )


def _dense(rows: pl.DataFrame, split: Split, path: str) -> pl.DataFrame:
    """The rows whose user and item the data has, under dense ids."""
    for side, ids in (("user", split.user_ids()), ("item", split.items_table()["item"])):
        places = pl.DataFrame({side: ids}).with_row_index("place")
        named = rows.with_columns(pl.col(side).cast(ids.dtype, strict=False))
        found = named.join(places, on=side, how="inner", maintain_order="left")
        if not len(found):
            first = rows[side].head(1).to_list()
            raise ConfigError(
                f"{path}: '{split.name}' has none of its {side}s (the file has {first}, the data "
                f"{ids.head(1).to_list()}); it must hold the data's own ids"
            )
        rows = found.drop(side).rename({"place": side})
    return rows


def _tell(path: str, lengths: np.ndarray, left_out: int, n_rows: int) -> None:
    if left_out:
        note(f"{path}: {left_out} of {n_rows} scores are of users or items that the data does not have; left out")
    if without := int((lengths == 0).sum()):
        note(f"{path}: {without} of {len(lengths)} users have no list, and are taught nothing")
    note(f"{path}: lists have {np.median(lengths[lengths > 0]):.0f} items (median); what is in none is not recommended")
