"""Online Retail: the cleaning counted by hand, and the same split from the shipped files and the published table.

``online_retail_excerpt.csv`` has all lines of five customers and three lines without one, as they were published.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rexp.api import FeatureSpec
from rexp.datasets import online_retail
from rexp.datasets._invoices import clean, read_lines, read_purchases, write_purchases
from rexp.datasets.online_retail import CHECKSUMS, FOLDER
from rexp.errors import DataError
from rexp.prepare.describe import Counts, count
from rexp.prepare.prepare import load_split
from rexp.prepare.sources import make_dataset

EXCERPT = Path(__file__).parent / "online_retail_excerpt.csv"
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
NODE = {"name": "online-retail", "split": {"name": "time_cut"}}
NOON = 1291204800  # 2010-12-01 12:00 in unix seconds
needs_data = pytest.mark.skipif(
    "REXP_DATA" not in os.environ, reason="REXP_DATA names no folder with the data sets that may not be shipped"
)


def lines(tmp_path: Path, *rows: str) -> pl.DataFrame:
    (tmp_path / "lines.csv").write_text(HEADER + "".join(row + "\n" for row in rows))
    return read_lines(tmp_path / "lines.csv")


def test_each_step_of_the_cleaning(tmp_path: Path) -> None:
    bought = clean(
        lines(
            tmp_path,
            "1,10002,MUG,2,2010-12-01 12:00,1.5,7,France",
            "1,20001A,JUG,1,2010-12-01 12:00,4,7,France",
            "1,10002,MUG,3,2010-12-01 12:00,1.5,7,France",  # a second line of the same product
            "2,10002,BIG MUG,9,2010-12-01 12:01,2,7,Spain",  # bought again
            '3,10002,"BIG MUG, BLUE",1,2010-12-01 12:02,2.25,8,Spain',
            "4,20001A,JUG,5,2010-12-01 12:03,4,,Spain",
            "C5,20001A,JUG,-5,2010-12-01 12:04,4,9,Spain",
            "6,POST,POSTAGE,1,2010-12-01 12:05,18,10,Spain",
            "7,20001A,JUG,-1,2010-12-01 12:06,4,11,Spain",
            "8,30003,GIFT,1,2010-12-01 12:07,0,12,Spain",
        )
    )
    assert bought.interactions.rows() == [
        ("7", "10002", NOON, 5),
        ("7", "20001A", NOON, 1),
        ("8", "10002", NOON + 120, 1),
    ]
    # The median of 1.5, 1.5, 2 and 2.25; MUG stands on two of the four lines.
    assert bought.items.rows() == [("10002", "MUG", 1.75), ("20001A", "JUG", 4.0)]
    assert bought.users.rows() == [("7", "France"), ("8", "Spain")]
    assert [(step["rows_before"], step["rows_after"]) for step in bought.steps] == [
        (10, 9), (9, 8), (8, 7), (7, 6), (6, 5), (5, 3),
    ]  # fmt: skip


def test_equally_common_values_are_chosen_by_the_alphabet(tmp_path: Path) -> None:
    rows = ["1,10002,MUG,2,2010-12-01 12:00,1.5,7,Spain", "2,10002,BIG MUG,9,2010-12-01 12:01,2,7,France"]
    for order in (rows, rows[::-1]):
        bought = clean(lines(tmp_path, *order))
        assert (bought.items["title"].item(), bought.users["country"].item()) == ("BIG MUG", "France")


def test_a_table_made_from_the_spreadsheet_is_read_alike(tmp_path: Path) -> None:
    plain = lines(tmp_path, "1,10002,MUG,2,2010-12-01 12:00,1.5,17850,France")
    assert lines(tmp_path, "1,10002, MUG ,2,2010-12-01 12:00:00,1.5,17850.0,France").equals(plain)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1,10002,MUG,two,2010-12-01 12:00,1.5,7,France", r"line 3: Quantity cannot be read: 'two'"),
        ("1,10002,MUG,2,1/12/2010 12:00,1.5,7,France", r"line 3: InvoiceDate cannot be read: '1/12/2010 12:00'"),
        ("1,10002,MUG,2,2010-12-01 12:00,free,7,France", r"line 3: UnitPrice cannot be read: 'free'"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        lines(tmp_path, "1,10002,MUG,2,2010-12-01 12:00,1.5,7,France", row)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "lines.csv").write_text(HEADER.replace("CustomerID", "Customer ID") + "1,2,3,4,5,6,7,8\n")
    with pytest.raises(DataError, match=r"has no column CustomerID; the columns of Online Retail are"):
        read_lines(tmp_path / "lines.csv")


# ---- shipped with rexp


def test_the_shipped_purchases() -> None:
    dataset = make_dataset(NODE, None)
    raw = dataset.read()
    assert count(raw) == Counts(users=4_334, items=3_659, interactions=266_221, pairs=266_221)
    assert raw.interactions is not None
    assert raw.interactions.columns == ["user", "item", "time"], "the quantity is no rating"
    # 2010-12-01 08:26 and 2011-12-09 12:50 in unix seconds.
    assert (raw.interactions["time"].min(), raw.interactions["time"].max()) == (1_291_191_960, 1_323_435_000)
    assert raw.items is not None
    assert raw.items.null_count().row(0) == (0, 0, 0)
    assert raw.items.filter(item="85123A")["title"].item() == "WHITE HANGING HEART T-LIGHT HOLDER"
    assert raw.items["price"].min() > 0  # type: ignore[operator]


def test_the_split_has_a_title_a_price_and_a_country_and_no_finding_but_cold_items(tmp_path: Path) -> None:
    split = load_split(NODE, None, tmp_path)
    assert (split.n_users, split.n_items, len(split.train), len(split.test)) == (3_892, 3_652, 212_943, 19_583)
    assert [finding["name"] for finding in split.report["findings"]] == ["cold-test-items"]
    assert split.report["sources"] == dict.fromkeys(CHECKSUMS, "ok")
    assert dict(split.spec.features) == {
        "user.country": FeatureSpec("user", "category", split.spec.features["user.country"].cardinality),
        "item.price": FeatureSpec("item", "number", 0),
    }
    assert split.items_table()["title"].null_count() == 0
    steps = [step["step"] for step in split.report["filters"]]
    assert steps[0] == "the customer is known"
    assert steps[-1] == "duplicates=first"
    assert split.report["filters"][0]["rows_before"] == 541_909
    assert split.train.ratings is None


def test_the_quantity_can_be_read_as_a_rating(tmp_path: Path) -> None:
    plain = load_split(NODE, None, tmp_path)
    rated = load_split(NODE | {"rating": "quantity"}, None, tmp_path)
    assert rated.train.ratings is not None
    assert rated.train.ratings.min() == 1
    assert rated.fingerprint != plain.fingerprint
    assert rated.train.items.tolist() == plain.train.items.tolist()


def test_the_files_are_small_and_have_their_licence_and_citation_beside_them() -> None:
    assert all(path.stat().st_size < 1_000_000 for path in FOLDER.iterdir())
    licence = (FOLDER / "LICENSE").read_text()
    assert "Creative Commons Attribution 4.0 International Public" in licence
    assert "D. Chen" in licence
    citation = (FOLDER / "CITATION").read_text()
    assert "10.24432/C5BW33" in citation
    assert "changed" in citation, "the licence asks to say so"


def test_the_shipped_purchases_are_those_of_the_published_lines() -> None:
    """Customer by customer; a product's name and price depend on all its lines."""
    own, shipped = clean(read_lines(EXCERPT)), read_purchases(FOLDER)
    users = own.users["user"].implode()
    assert own.users["user"].to_list() == ["12457", "12603", "12924", "15107"], "one only had a gift"
    assert shipped.interactions.filter(pl.col("user").is_in(users)).equals(own.interactions)
    assert shipped.users.filter(pl.col("user").is_in(users)).equals(own.users)


def test_stored_purchases_are_what_they_were(tmp_path: Path) -> None:
    bought = clean(read_lines(EXCERPT))
    write_purchases(bought, tmp_path)
    stored = read_purchases(tmp_path)
    for name in ("interactions", "items", "users"):
        assert getattr(stored, name).equals(getattr(bought, name))
    assert stored.steps == bought.steps


# ---- the published table


def both(root: Path, cache: Path, **options: Any) -> tuple[Any, Any]:
    node = NODE | options
    return load_split(node | {"source": "embedded"}, None, cache), load_split(
        node | {"source": "original"}, root, cache
    )


@pytest.mark.parametrize(
    "split", [{"name": "time_cut", "test": 0.3}, {"name": "ratio", "train": 0.6, "valid": 0.2, "test": 0.2}]
)
def test_an_excerpt_gives_the_same_split_from_either_source(
    split: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "online-retail").mkdir()
    shutil.copy(EXCERPT, tmp_path / "online-retail" / "online_retail.csv")
    write_purchases(clean(read_lines(EXCERPT)), tmp_path / "embedded")
    monkeypatch.setattr(online_retail, "FOLDER", tmp_path / "embedded")
    embedded, original = both(tmp_path, tmp_path / "cache", split=split)
    assert embedded.fingerprint == original.fingerprint
    assert embedded.report["filters"] == original.report["filters"]
    assert original.report["sources"] == {"online_retail.csv": "differs"}


AS_OPTIONS: dict[str, Any] = {
    "name": "csv",
    "columns": {"user": "CustomerID", "item": "StockCode", "time": "InvoiceDate", "rating": ""},
    "item_columns": {"title": "Description", "price": "UnitPrice"},
    "user_columns": {"country": "Country"},
    "filter": {
        "where": [
            "CustomerID IS NOT NULL",
            "InvoiceNo NOT LIKE 'C%'",
            "REGEXP_LIKE(StockCode, '^[0-9]{5}')",
            "Quantity > 0",
            "UnitPrice > 0",
        ]
    },
}


def as_options(rating: str) -> dict[str, Any]:
    """The options that read the published table as ``data.rating`` says."""
    if rating == "none":
        return AS_OPTIONS
    columns, filters = AS_OPTIONS["columns"], AS_OPTIONS["filter"]
    rated = {"columns": columns | {"rating": "Quantity"}, "filter": filters | {"duplicates": "sum_first"}}
    return AS_OPTIONS | rated


@pytest.mark.parametrize("rating", ["none", "quantity"])
def test_the_published_table_can_be_read_with_options_alone(rating: str, tmp_path: Path) -> None:
    (tmp_path / "online-retail").mkdir()
    shutil.copy(EXCERPT, tmp_path / "online-retail" / "online_retail.csv")
    split = {"name": "time_cut", "test": 0.3}
    node = NODE | {"source": "original", "rating": rating, "split": split}
    original = load_split(node, tmp_path, tmp_path / "cache")
    own = load_split(as_options(rating) | {"path": str(EXCERPT), "split": split}, None, tmp_path / "cache")
    assert own.fingerprint == original.fingerprint
    assert own.items_table().equals(original.items_table())


def test_a_missing_table_is_named_with_its_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"online_retail\.csv \(or online_retail\.csv\.gz\) is missing: it belongs in"):
        make_dataset(NODE | {"source": "original"}, tmp_path).sources()


@needs_data
def test_the_published_table_gives_the_same_split(tmp_path: Path) -> None:
    embedded, original = both(Path(os.environ["REXP_DATA"]), tmp_path)
    assert original.report["sources"] == {"online_retail.csv.gz": "ok"}
    assert embedded.fingerprint == original.fingerprint
    assert embedded.report["filters"] == original.report["filters"]
