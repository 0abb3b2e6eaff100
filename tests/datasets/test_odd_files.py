"""Files that could be misread: ids like names, unusual types of columns, missing cells, ids of another table."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rexp.errors import ConfigError, DataError
from rexp.nn.content import ContentOptions, ItemContent
from rexp.prepare.prepare import load_split

PAIRS = "user,item\n1,1\n1,2\n2,1\n2,3\n3,2\n3,4\n"
ITEMS = [1, 2, 3, 4]


def values_of(split: Any, name: str) -> list[float]:
    return [round(float(value), 4) for value in split.features()[name].values]


def test_ids_with_digits_are_no_header(load: Any) -> None:
    rows = "".join(f"user{user},item{item},{1 + item % 5},{1000 + item}\n" for user in (1, 2) for item in (1, 2, 3))
    split = load(path=rows)
    assert split.report["read"]["interactions"]["columns"]["rating"] is not None
    assert (split.n_users, len(split.train) + len(split.test)) == (2, 6)


def test_lines_that_end_in_a_carriage_return_alone_are_lines(load: Any) -> None:
    assert load(path=PAIRS.replace("\n", "\r")).fingerprint == load(path=PAIRS).fingerprint


def test_a_time_that_is_not_a_number_is_missing(load: Any) -> None:
    rows = "user,item,time\n1,1,5\n1,2,6\n1,3,NaN\n2,1,7\n2,2,8\n"
    with pytest.raises(DataError, match="time"):
        load(path=rows)
    assert len(load(path=rows, filter={"on_missing": "drop"}).train) == 2


def test_ranks_in_time_stay_ranks_without_some_rows(load: Any) -> None:
    rows = "user,item,rating,time\n" + "".join(
        f"{u},{10 * u + t},{1 + t % 3},{t}\n" for u in (1, 2) for t in range(1, 7)
    )
    cut = {"name": "time_cut"}
    for where in ([], ["rating >= 2"]):
        with pytest.raises(ConfigError, match="only a rank in time"):
            load(path=rows, split=cut, filter={"where": where})
    assert load(path=rows, filter={"where": ["rating >= 2"]}).report["time"] == "order"


def test_a_table_of_other_ids_is_refused(load: Any) -> None:
    with pytest.raises(DataError, match=r"table of items has none of the data's: its ids are i1, i2 \.\.\., theirs 1"):
        load(path=PAIRS, items="item,price\ni1,3\ni2,4\n")


def test_dates_and_decimals_are_numbers_and_bytes_are_left_out(load: Any) -> None:
    prices = pl.Series([Decimal("1.50"), Decimal("6.00"), Decimal("12.25"), Decimal("13.50")])
    items = pl.DataFrame(
        {
            "item": ITEMS,
            "price": prices,
            "released": [dt.date(2000, 1, day) for day in ITEMS],
            "picture": [b"\xff\x00"] * 4,
        }
    )
    plain = {"item.price": {"normalize": "none"}, "item.released": {"normalize": "minmax"}}
    split = load(path=PAIRS, items=items, split={"name": "leave_last", "valid": 0, "k": 1}, features=plain)
    assert values_of(split, "item.price") == [1.5, 6.0, 12.25, 13.5]
    assert values_of(split, "item.released")[:2] == [0.0, 1.0]  # the third and fourth are met in the test part alone
    assert set(split.features()) == {"item.price", "item.released"}


@pytest.mark.parametrize("column", ["rating", "time", "item"])
def test_what_a_row_is_describes_no_user(load: Any, column: str) -> None:
    rows = "user,item,rating,time\n1,1,3,5\n1,2,4,6\n2,1,5,7\n2,2,1,8\n"
    with pytest.raises(ConfigError, match=f"'{column}' is the {column} of a row"):
        load(path=rows, user_columns={"mine": column})


def test_an_empty_set_is_no_content(load: Any) -> None:
    columns = {"item": pl.Int64, "tags": pl.List(pl.String), "kind": pl.String}
    items = pl.DataFrame({"item": ITEMS, "tags": [[], [], [], []], "kind": ["a", "a", "b", "b"]}, columns)
    spec = load(path=PAIRS, items=items, features={"item.kind": {"kind": "category"}}).spec
    assert spec.features["item.tags"].cardinality == 1
    assert ItemContent(ContentOptions(), spec).columns == ["item.kind"]


def test_exchanged_files_are_other_data(tmp_path: Path) -> None:
    contents = ("user,item\n1,1\n1,2\n2,1\n2,3\n", "user,item\n1,3\n2,2\n")
    splits = []
    for train, test in (contents, contents[::-1]):
        for part, content in (("train", train), ("test", test)):
            (tmp_path / part).mkdir(exist_ok=True)
            (tmp_path / part / "rows.csv").write_text(content)
        files = {part: str(tmp_path / part / "rows.csv") for part in ("train", "test")}
        splits.append(load_split({"name": "csv", "split": {"name": "given"}, **files}, None, tmp_path / "cache"))
    assert [len(split.train) for split in splits] == [4, 2]
