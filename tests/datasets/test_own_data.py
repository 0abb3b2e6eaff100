"""The user's own files, read with options alone: rows, conditions, repeats, descriptions, and what is said of them."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import torch

from rexp.api import RawData
from rexp.errors import ConfigError, DataError
from rexp.prepare.build import build_split
from rexp.prepare.cache import read_folder
from rexp.prepare.filter_config import FilterConfig
from rexp.prepare.prepare import load_split
from rexp.splits.leave_last import LeaveLast, LeaveLastConfig

if TYPE_CHECKING:
    from rexp.data.split import Split


def pairs(split: Split, part: str) -> list[tuple[Any, Any]]:
    rows = split.part(part)  # type: ignore[arg-type]
    users, items = split.user_ids(), split.items_table()["item"]
    return [(users[int(user)], items[int(item)]) for user, item in zip(rows.users, rows.items, strict=True)]


SECONDS = "user,item,time\nu,c,2020-01-01 00:00:00.9\nu,a,2020-01-01 00:00:00.1\nu,b,2020-01-01T00:00:00.5Z\n"


def test_the_last_within_a_second_is_tested_and_the_unit_is_kept(load: Any) -> None:
    split = load(path=SECONDS)
    assert pairs(split, "test") == [("u", "c")]
    assert split.test.ticks == 1000
    assert split.test.times.tolist() == [1577836800900]
    assert read_folder(split.directory).train.ticks == 1000
    parquet = pl.DataFrame({"user": ["u"] * 3, "item": ["c", "a", "b"]}).with_columns(
        time=pl.Series(["2020-01-01 00:00:00.9", "2020-01-01 00:00:00.1", "2020-01-01 00:00:00.5"]).str.to_datetime()
    )
    assert load(path=parquet).fingerprint == split.fingerprint


def test_dates_of_a_plugin_are_times() -> None:
    times = [dt.datetime(2020, 1, 1, 0, 0, 0, 1000 * ms) for ms in (900, 100, 500)]
    frame = pl.DataFrame({"user": ["u"] * 3, "item": [7.0, 8.0, 9.0], "time": times, "where": ["", "", ""]})
    splitter = LeaveLast(LeaveLastConfig(valid=0))
    split = build_split("own", RawData(frame), splitter, FilterConfig()).split
    assert split.test.times is not None
    assert split.test.times.tolist() == [1577836800900]
    assert split.test.items.tolist() == [0]
    with pytest.raises(DataError, match="interactions, row 2: the item is empty"):
        build_split("own", RawData(frame.with_columns(item=pl.Series([7, None, 9]))), splitter, FilterConfig())


def test_a_cut_in_time_is_in_seconds_whatever_the_unit(load: Any) -> None:
    cut = {"name": "time_cut", "by": "time", "test_from": 1577836800.5}
    assert pairs(load(path=SECONDS, split=cut), "test") == [("u", "b"), ("u", "c")]


def test_a_share_of_fractional_times_is_that_share(load: Any) -> None:
    rows = "".join(f"u{number % 4},i{number % 7},{number / 100}\n" for number in range(100))
    split = load(path=f"user,item,time\n{rows}", split={"name": "time_cut", "valid": 0}, filter={"duplicates": "keep"})
    assert len(split.test) == 10
    assert split.test.times.min() == 0.9
    assert split.report["time"] == "clock"


def test_one_item_is_one_whatever_it_is_written_as(load: Any) -> None:
    split = load(path='user,item\n 1,7.0\n"1 ",8\n2,7\n2,8.0\n3,7\n3,8\n')
    assert split.user_ids().to_list() == ["1", "2", "3"]
    assert split.items_table()["item"].to_list() == ["7", "8"]
    assert split.report["read"]["interactions"]["changed"] == {
        "user: blanks taken off": 2,
        "item: written as whole numbers": 2,
    }


def test_quotes_around_cells_are_none_of_the_id(tmp_path: Path) -> None:
    (tmp_path / "r.tsv").write_text('"user"\t"item"\t"rating"\n"a"\t"x"\t"5"\n"a"\t"5\' 2"\t"4"\n')
    node = {"name": "csv", "path": str(tmp_path / "r.tsv"), "split": {"name": "leave_last", "valid": 0}}
    split = load_split(node, None, tmp_path / "cache")
    assert split.items_table()["item"].to_list() == ["5' 2", "x"]
    assert split.user_ids().to_list() == ["a"]
    (tmp_path / "r.tsv").write_text('user\titem\na\tx\n""\ty\n')
    with pytest.raises(DataError, match="line 3: the user is empty"):
        load_split(node, None, tmp_path / "cache")


def test_quotes_of_parquet_are_part_of_the_id(load: Any) -> None:
    frame = pl.DataFrame({"user": ["a", "a"], "item": ['"x"', "x"]})
    assert load(path=frame).items_table()["item"].to_list() == ['"x"', "x"]


def test_a_table_may_know_more_than_the_interactions(load: Any) -> None:
    numbers = pl.DataFrame({"user": [1, 1, 2, 2], "item": [7, 8, 7, 8]})
    split = load(path=numbers, items="item,title\n7,Up\nx1,Her\nx2,It\n")
    assert split.items_table().rows() == [(7, "Up"), (8, None)]


def test_categories_are_in_the_order_of_their_text(load: Any) -> None:
    frame = pl.DataFrame({"user": ["b", "b", "a", "a"], "item": ["y", "x", "y", "x"]})
    text = load(path=frame)
    categories = load(path=frame.cast(pl.Categorical))
    assert categories.items_table()["item"].to_list() == ["x", "y"]
    assert categories.fingerprint == text.fingerprint


HOLES = 'user,item,rating\na,x,5\n"",x,4\nb,,4\nb,y,\na,y,3\nb,x,2\n'


def test_rows_that_lack_something_are_refused_or_counted(load: Any) -> None:
    with pytest.raises(
        DataError, match=r"path\.csv, line 3: the user is empty \(3 rows.*data\.filter\.on_missing=drop"
    ):
        load(path=HOLES)
    split = load(path=HOLES, filter={"on_missing": "drop"})
    assert len(split.train) + len(split.test) == 3
    (step,) = (step for step in split.report["filters"] if step["step"] == "on_missing=drop")
    assert (step["rows_before"], step["rows_after"]) == (6, 3)


def test_a_blank_last_line_is_none(load: Any) -> None:
    assert load(path="user,item\na,x\na,y\n\n").fingerprint == load(path="user,item\na,x\na,y").fingerprint


SALES = (
    "Customer,Code,Quantity,Invoice,Name,Price\n"
    "a,x,2,1,Cup,1.5\na,y,1,2,Jug,3\na,x,-2,C3,Cup,1.5\n,x,1,4,Cup,9\nb,x,3,5,Mug,2\nb,z,1,6,Pot,4\nb,x,4,7,Cup,2\n"
)
SHOP = {"columns": {"user": "Customer", "item": "Code", "rating": "Quantity", "time": ""}}


def test_conditions_are_in_the_words_of_the_file_and_reported(load: Any) -> None:
    where = ["Quantity > 0", "Invoice NOT LIKE 'C%'", "Customer IS NOT NULL"]
    split = load(path=SALES, **SHOP, filter={"where": where, "duplicates": "sum"})
    assert sorted(pairs(split, "train") + pairs(split, "test")) == [("a", "x"), ("a", "y"), ("b", "x"), ("b", "z")]
    steps = {step["step"]: step["rows_after"] for step in split.report["filters"]}
    assert steps == {f"where: {where[0]}": 6, f"where: {where[1]}": 6, f"where: {where[2]}": 5, "duplicates=sum": 4}
    ratings = dict(
        zip(pairs(split, "train") + pairs(split, "test"), [*split.train.ratings, *split.test.ratings], strict=True)
    )
    assert ratings[("b", "x")] == 7
    assert ratings[("a", "x")] == 2


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("Quantiti > 0", "no column 'Quantiti'; did you mean 'Quantity'"),
        ("Quantity >", "cannot be read"),
        ("SELECT 1", "cannot be read"),
        ("Quantity LIKE '2%'", "Quantity is .*CAST"),
        ("Quantity", "no condition of a row"),
        ("MAX(Quantity) > 1", "no condition of a row"),
        ("Quantity > 99", "leaves none of 7 interactions; relax data.filter.where"),
    ],
)
def test_a_condition_that_is_none_is_one_line(load: Any, condition: str, said: str) -> None:
    with pytest.raises((ConfigError, DataError), match=said) as caught:
        load(path=SALES, **SHOP, filter={"where": [condition]})
    assert "\n" not in str(caught.value)


def test_columns_of_the_interactions_describe_items_and_users(load: Any) -> None:
    split = load(
        path=SALES,
        **SHOP,
        filter={"where": ["Customer IS NOT NULL"]},
        item_columns={"title": "Name", "price": "Price"},
        user_columns={"favorite": "Name"},
    )
    # x was sold as a Cup three times, for 1.5, 1.5, 2 and 2; b bought a Cup, a Mug and a Pot once.
    assert split.items_table().rows() == [("x", "Cup", 1.75), ("y", "Jug", 3.0), ("z", "Pot", 4.0)]
    users = pl.read_parquet(split.directory / "users.parquet")
    assert users.rows() == [("a", "Cup"), ("b", "Cup")]
    with pytest.raises(ConfigError, match=r"data\.item_columns: there is no column 'Nam'; did you mean 'Name'"):
        load(path=SALES, **SHOP, filter={"on_missing": "drop"}, item_columns={"title": "Nam"})


PLAIN = "user,item\n1,7\n1,8\n2,7\n2,8\n"


def test_tables_of_items_and_users_are_read_by_their_kinds(load: Any) -> None:
    items = "item,title,year,genres,shelf\n7.0,Up,2009,a|b,01\n8,Up,1999,b,02\n9,Her,,c,\n"
    users = "user,age,zip\n1,30,5\n2,,6\n"
    split = load(path=PLAIN, items=items, users=users, user_codes=["zip"])
    assert split.items_table().rows() == [("7", "Up", 2009, ["a", "b"], "01"), ("8", "Up", 1999, ["b"], "02")]
    assert split.genre_matrix().tolist() == [[1, 1], [0, 1]]
    kinds = {name: feature.spec.kind for name, feature in split.features().items()}
    assert kinds == {
        "user.age": "number",
        "user.zip": "category",
        "item.year": "number",
        "item.genres": "set",
    }  # shelves, one each, are free text
    assert "item.title" not in kinds
    assert split.fingerprint != load(path=PLAIN).fingerprint


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"items": "item,title\n7,Up\n7,Her\n"}, "two rows describe the item 7 differently"),
        ({"items": "item,title\n7,Up\n,Her\n"}, r"items\.csv, line 3: the item is empty"),
        ({"items": "thing,title\n7,Up\n"}, r"items\.csv has no column that is plainly the item"),
        ({"users": "user,age\n1,3\n", "user_codes": ["aeg"]}, "data.user_codes has 'aeg'; did you mean 'age'"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_line(load: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises((ConfigError, DataError), match=said):
        load(path=PLAIN, **options)


def test_the_same_row_twice_says_nothing_new(load: Any) -> None:
    split = load(path=PLAIN, items="item,title\n7,Up\n7,Up\n")
    assert split.items_table()["title"].to_list() == ["Up", None]


GIVEN = {"name": "given"}
TRAIN = "user,item\n1,30\n2,30\n2,31\n3,31\n4,32\n5,33\n"
TEST = "user,item\n1,20\n2,21\n"


def test_lists_of_one_user_are_joined_and_a_list_a_pair_is_refused(load: Any) -> None:
    parts = {"train": TRAIN, "test": TEST, "split": GIVEN}
    split = load(**parts, candidates="1 30 31 30\n2 31 32\n2 32 33 31\n9 33\n")
    items = split.items_table()["item"]
    named = [[items[int(item)] for item in row if item >= 0] for row in split.candidates]
    # A line alone stays as it is; of several each item counts once.
    assert named[0] == ["30", "31", "30"]
    assert named[1] == ["31", "32", "33"]
    assert split.report["candidates"] == {"lists": 4, "joined": 2}
    with pytest.raises(DataError, match=r"candidates\.txt, lines 1 and 3: both are of user 1"):
        load(**parts, candidates="(1,20)\t30\n(2,21)\t31\n(1,22)\t32\n")


def test_a_list_a_test_item(load: Any) -> None:
    test = "user,item\n1,20\n1,22\n2,21\n"
    # Of the pair (1, 20) two lines; nobody is tested on (2, 22), nobody is called 9.
    lines = "(1,22) 32 30\n(1,20) 30\n(2,21) 31 33\n(1,20) 31 30\n(2,22) 30\n(9,20) 30\n"
    parts = {"train": TRAIN, "test": test, "split": GIVEN, "candidates": lines}
    split = load(**parts, pairs="apart")
    lists, items, users = split.target_candidates, split.items_table()["item"], split.user_ids()
    assert lists is not None
    named = {
        (users[int(user)], items[int(item)]): [items[int(one)] for one in row if one >= 0]
        for user, item, row in zip(lists.users, lists.items, lists.candidates, strict=True)
    }
    assert named == {
        ("1", "20"): ["30", "31"],
        ("1", "22"): ["32", "30"],
        ("2", "21"): ["31", "33"],
        ("2", "22"): ["30"],
    }
    assert split.report["candidates"] == {"lists": 6, "apart": 5}
    joined = load(**parts, pairs="join")
    assert joined.target_candidates is None
    assert joined.fingerprint != split.fingerprint


def test_cores_of_given_parts_are_of_the_training_part(load: Any) -> None:
    train = "user,item\n" + "".join(f"{u},{i}\n" for u in (1, 2, 3) for i in (10, 11)) + "4,10\n1,12\n"
    split = load(train=train, test="user,item\n1,11\n4,11\n2,12\n3,13\n", split=GIVEN, filter={"user_core": 2})
    assert split.user_ids().to_list() == ["1", "2", "3"]
    assert pairs(split, "test") == [("1", "11"), ("2", "12"), ("3", "13")]
    split = load(
        train=train, test="user,item\n1,11\n4,11\n2,12\n3,13\n", split=GIVEN, filter={"user_core": 2, "item_core": 2}
    )
    assert pairs(split, "test") == [("1", "11")]
    assert [step["step"] for step in split.report["filters"]][-1] == "test: user_core=2 item_core=2"


def findings(split: Split) -> dict[str, str]:
    return {finding["name"]: finding["text"] for finding in split.report["findings"]}


def test_labels_and_unread_columns_are_named(load: Any) -> None:
    rows = "".join(f"{u},{i},{int(i != 3)},2020-01-0{i}\n" for u in (1, 2, 3) for i in (1, 2, 3))
    found = findings(load(path=f"user,item,liked,date\n{rows}", columns={"rating": "liked"}))
    assert "the column 'liked' has labels" in found["labels-ranked"]
    assert "3 of 9 have a label of 0 or less, 3 of them in the test part" in found["labels-ranked"]
    assert "no time, and nobody reads the columns date: data.columns.time may name one" in found["unread-columns"]
    named = {"rating": "liked", "time": "date"}
    assert "unread-columns" not in findings(load(path=f"user,item,liked,date\n{rows}", columns=named))
    assert "labels-ranked" not in findings(
        load(path=f"user,item,liked,date\n{rows}", columns=named, filter={"min_rating": 1})
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("alice,tea\nbob,milk\n", r"the first line may be a header or a row \(alice, tea\); set data\.has_header"),
        ("user,item,item\n1,2,3\n", "two columns are called 'item'"),
        ("user_id,userid,item\n1,2,3\n", "several columns that may be the user"),
        (b"user,item\n1,2\n\xe9,3\n", r"path\.csv, line 3, cannot be decoded.*data\.encoding"),
    ],
)
def test_what_may_mean_two_things_is_asked(load: Any, content: str | bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        load(path=content)


def test_a_file_without_a_header_keeps_its_first_row(load: Any) -> None:
    split = load(path="alice,tea\nalice,milk\nbob,tea\nbob,milk\n", has_header=False)
    assert len(split.train) + len(split.test) == 4


def test_counts_are_no_users(tmp_path: Path) -> None:
    from rexp.datasets.rows import read_interactions

    (tmp_path / "lists.txt").write_text("2 5 6\n1 7\n2 8 9\n")
    with pytest.raises(DataError, match="counted_list"):
        read_interactions(tmp_path / "lists.txt", "list")
    assert len(read_interactions(tmp_path / "lists.txt", "counted_list")) == 5
    (tmp_path / "lists.txt").write_text("2 5 6\n1 7\n")  # users 2 and 1
    assert read_interactions(tmp_path / "lists.txt", "list")["user"].to_list() == ["2", "2", "1"]


def test_damaged_gzip_says_how_far_it_goes(tmp_path: Path) -> None:
    from rexp.datasets.rows import read_interactions

    rows = np.random.default_rng(0).integers(0, 1000, (5000, 2))
    content = gzip.compress(("user,item\n" + "".join(f"{user},{item}\n" for user, item in rows)).encode())
    (tmp_path / "a.csv.gz").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"a\.csv\.gz is damaged gzip after line 2\d\d\d"):
        read_interactions(tmp_path / "a.csv.gz")


def test_messages_call_users_by_their_own_ids(load: Any) -> None:
    from rexp.evaluate.protocols.sampled_candidates import ProvidedNegatives

    split = load(train=TRAIN.replace("1,30", "zoe,30"), test=TEST.replace("1,20", "zoe,20"), split=GIVEN)
    last = split.n_users - 1
    assert split.user_name(last) == "user zoe"
    with pytest.raises(DataError, match=r"^user zoe has targets but no candidates"):
        ProvidedNegatives(np.full((split.n_users, 1), -1), split.user_name).of(torch.tensor([last]))
