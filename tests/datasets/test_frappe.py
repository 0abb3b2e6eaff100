"""Frappe's published rows, from files of its format and from the files themselves."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rexp.datasets._frappe_rows import COLUMNS, CONTEXT
from rexp.errors import DataError
from rexp.prepare.prepare import load_split
from rexp.prepare.sources import make_dataset

needs_data = pytest.mark.skipif(
    "REXP_DATA" not in os.environ, reason="REXP_DATA names no folder with the data sets that may not be shipped"
)
GIVEN = {"name": "given"}


def uses(n: int = 240) -> list[tuple[str, ...]]:
    """Made-up uses: 6 users, 40 apps of which nobody uses all, contexts with as many values as columns."""
    chance = np.random.default_rng(5)
    found = []
    for _ in range(n):
        user = int(chance.integers(6))
        item = int(3 * chance.integers(13) + user % 3 + (chance.random() < 0.1))
        found.append((str(user), str(item), *(f"{name}{chance.integers(3)}" for name in CONTEXT)))
    return [*found, ("5", "39", *(f"{name}0" for name in CONTEXT))]


def coded(rows: list[tuple[str, ...]], labels: list[int], table: list[tuple[str, ...]]) -> str:
    """Rows in the publishers' codes: ids, then values by first appearance."""
    codes: dict[tuple[int, str], int] = {}
    first = 0
    for place in range(len(COLUMNS)):
        column = [row[place] for row in table]
        values = (
            [str(number) for number in range(max(map(int, column)) + 1)] if place < 2 else list(dict.fromkeys(column))
        )
        codes |= {(place, value): first + at for at, value in enumerate(values)}
        first += len(values)
    lines = [
        " ".join([str(label), *(f"{codes[place, value]}:1" for place, value in enumerate(row))])
        for label, row in zip(labels, rows, strict=True)
    ]
    return "\n".join(lines) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """frappe.csv, and 30 + 30 of its uses with two negatives each as validation and test rows."""
    table = uses()
    (tmp_path / "frappe").mkdir()
    head = "\t".join([*COLUMNS[:2], "cnt", *CONTEXT])
    text = "\n".join([head, *("\t".join([*row[:2], "1", *row[2:]]) for row in table)])
    (tmp_path / "frappe" / "frappe.csv").write_text(text + "\n")
    for at, part in enumerate(("validation", "test")):
        positives = table[at * 30 : at * 30 + 30]
        negatives = [(row[0], "39" if row[0] != "5" else "38", *row[2:]) for row in positives for _ in range(2)]
        content = coded([*positives, *negatives], [1] * 30 + [-1] * 60, table)
        (tmp_path / "frappe" / f"frappe.{part}.libfm.gz").write_bytes(gzip.compress(content.encode()))
    return tmp_path


def test_the_training_rows_are_what_the_others_leave(folder: Path) -> None:
    raw = make_dataset({"name": "frappe"}, folder).read()
    train = raw.given["train"].with_columns(pl.col(CONTEXT).cast(pl.String))
    positives = train.filter(pl.col("rating") > 0).select(COLUMNS).rows()
    assert Counter(positives) == Counter(uses()[60:])
    negatives = train.filter(pl.col("rating") < 0).select(COLUMNS).rows()
    # Two for every use, in its context, none of them an app that the user used.
    assert Counter((row[0], *row[2:]) for row in negatives) == Counter(
        {place: 2 * count for place, count in Counter((row[0], *row[2:]) for row in uses()[60:]).items()}
    )
    used = {row[:2] for row in uses()}
    assert not used & {row[:2] for row in negatives}
    assert len({row[1] for row in negatives}) > 20
    assert (raw.given["valid"]["rating"] > 0).sum() == 30
    assert len(raw.given["test"]) == 90


def test_another_seed_draws_other_apps_and_the_same_one_the_same(folder: Path) -> None:
    drawn = [
        make_dataset({"name": "frappe", "seed": seed}, folder).read().given["train"]["item"].to_list()
        for seed in (0, 0, 1)
    ]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_the_published_training_file_is_taken_where_it_is(folder: Path) -> None:
    rows = [uses()[100], uses()[101]]
    (folder / "frappe" / "frappe.train.libfm").write_text(coded(rows, [1, -1], uses()))
    train = make_dataset({"name": "frappe"}, folder).read().given["train"]
    assert train["rating"].to_list() == [1.0, -1.0]
    assert train.with_columns(pl.col(CONTEXT).cast(pl.String)).select(COLUMNS).rows() == rows


def test_rows_of_another_table_are_refused(folder: Path) -> None:
    path = folder / "frappe" / "frappe.csv"
    lines = path.read_text().splitlines()
    # Without the use that is validated first there is one use too few.
    path.write_text("\n".join([*lines[:2], *lines[3:]]) + "\n")
    with pytest.raises(DataError, match=r"do not fit each other|is no code of"):
        make_dataset({"name": "frappe"}, folder).read()


@needs_data
def test_frappe_has_the_published_rows(tmp_path: Path) -> None:
    node = {"name": "frappe", "split": GIVEN, "filter": {"duplicates": "keep"}}
    split = load_split(node, Path(os.environ["REXP_DATA"]), tmp_path)
    assert (split.n_users, split.n_items) == (957, 4_082)
    assert (len(split.train), len(split.valid), len(split.test)) == (202_027, 57_722, 28_860)
    assert split.train.ratings is not None
    assert int((split.train.ratings > 0).sum()) == 67_604
    assert split.labeled
    assert split.protocol == "pointwise"
    # One more each for what training does not know; 5,382 values with users and items, as published.
    sizes = [spec.cardinality - 1 for spec in split.contexts.values()]
    assert sizes == [7, 7, 2, 3, 2, 9, 80, 233]
    assert set(split.report["sources"].values()) == {"ok"}
