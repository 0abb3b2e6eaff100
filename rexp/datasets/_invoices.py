"""From the invoice lines of Online Retail to the first purchase of every customer and product."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rexp.datasets.steps import Step, describe_step
from rexp.datasets.tables import read_table
from rexp.errors import DataError

COLUMNS = {
    "InvoiceNo": "invoice",
    "StockCode": "item",
    "Description": "title",
    "Quantity": "quantity",
    "InvoiceDate": "time",
    "UnitPrice": "price",
    "CustomerID": "user",
    "Country": "country",
}
KEPT = {
    "the customer is known": pl.col("user").is_not_null(),
    "the invoice is not cancelled": ~pl.col("invoice").str.contains("^[Cc]"),
    # Postage, carriage, bank charges, manual entries and pads without a price have codes in letters.
    "the code is a product's": pl.col("item").str.contains(r"^\d{5}"),
    "the quantity is above 0": pl.col("quantity") > 0,
    "the price is above 0": pl.col("price") > 0,
}


@dataclass(frozen=True)
class Purchases:
    """First purchases of customers, and the steps that found them.

    Args:
        interactions: ``user``, ``item``, ``time`` (unix seconds, the shop's clock) and ``quantity`` (pieces bought at
            that time), one row a pair, by user and time, then in the order of the invoices.
        items: ``item``, ``title`` (the commonest one) and ``price`` (median over the lines, pounds).
        users: ``user`` and ``country`` (the commonest one).
        steps: the steps of the cleaning, each with the rows, users and items that it left.
    """

    interactions: pl.DataFrame
    items: pl.DataFrame
    users: pl.DataFrame
    steps: list[Step]


def read_lines(path: Path) -> pl.DataFrame:
    """The published table under rexp's names, one row an invoice line.

    Raises:
        DataError: a column is missing, or a quantity, price or time is none.
    """
    frame = read_table(path, ",", quoted=True)
    if missing := [name for name in COLUMNS if name not in frame.columns]:
        raise DataError(f"{path} has no column {', '.join(missing)}; the columns of Online Retail are {list(COLUMNS)}")
    frame = frame.select(pl.col(old).str.strip_chars().alias(new) for old, new in COLUMNS.items())
    read = {
        "quantity": pl.col("quantity").cast(pl.Int32, strict=False),
        "price": pl.col("price").cast(pl.Float64, strict=False),
        # Tables made from the publisher's spreadsheet may have seconds, and customers as fractional numbers.
        "time": pl.col("time").str.slice(0, 16).str.to_datetime("%Y-%m-%d %H:%M", strict=False).dt.epoch("s"),
        "user": pl.col("user").str.strip_suffix(".0"),
    }
    lines = frame.with_columns(**read)
    for column, name in (("quantity", "Quantity"), ("price", "UnitPrice"), ("time", "InvoiceDate")):
        if lines[column].null_count():
            row = int(lines[column].is_null().arg_true()[0])
            raise DataError(
                f"{path}, line {row + 2}: {name} cannot be read: {frame[column][row]!r}; quantities are whole numbers, "
                "prices numbers, times like 2010-12-01 08:26"
            )
    return lines


def clean(lines: pl.DataFrame) -> Purchases:
    """Drop what is no purchase of a product, then keep the first of each customer and product."""
    steps: list[Step] = []
    for step, kept in KEPT.items():
        left = lines.filter(kept)
        steps.append(describe_step(step, lines, left))
        lines = left
    at_once = lines.group_by("user", "item", "time", maintain_order=True).agg(pl.col("quantity").sum())
    first = at_once.sort("time", maintain_order=True).unique(["user", "item"], keep="first", maintain_order=True)
    steps.append(describe_step("first purchases, pieces of one time summed", lines, first))
    price = lines.group_by("item").agg(pl.col("price").median())
    return Purchases(
        first.sort("user", "time", maintain_order=True),
        _commonest(lines, "item", "title").join(price, on="item", maintain_order="left"),
        _commonest(lines, "user", "country"),
        steps,
    )


def _commonest(lines: pl.DataFrame, key: str, value: str) -> pl.DataFrame:
    """One row a key, ascending, with its commonest value; of equally common ones the first in the alphabet."""
    counted = lines.group_by(key, value).len().sort(key, "len", value, descending=[False, True, False])
    return counted.unique(key, keep="first", maintain_order=True).select(key, value)


TABLES = ("interactions", "items", "users")


def write_purchases(bought: Purchases, folder: Path) -> None:
    """Store purchases as ``interactions``, ``items`` and ``users`` (Parquet) and ``cleaning.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        getattr(bought, name).write_parquet(folder / f"{name}.parquet", compression="zstd", compression_level=19)
    (folder / "cleaning.json").write_text(json.dumps(bought.steps, indent=1) + "\n", encoding="utf-8")


def read_purchases(folder: Path) -> Purchases:
    """Read the files written by :func:`write_purchases`."""
    interactions, items, users = (pl.read_parquet(folder / f"{name}.parquet") for name in TABLES)
    return Purchases(interactions, items, users, json.loads((folder / "cleaning.json").read_text(encoding="utf-8")))
