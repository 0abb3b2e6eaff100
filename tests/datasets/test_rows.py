"""Every format that can be read, and every way in which a file can be wrong."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rexp.datasets.files import Columns
from rexp.datasets.lists import read_candidates
from rexp.datasets.rows import read_interactions, read_rows
from rexp.datasets.text import as_utf8
from rexp.errors import DataError
from rexp.prepare.candidates import candidate_pairs

USERS, ITEMS, RATINGS, TIMES = ["7", "7", "12"], ["0042", "42", "0007"], [3.0, 4.5, 1.0], [30, 10, 20]
FORMATS: dict[str, str] = {
    "a.csv": "user,item,rating,time\n7,0042,3,30\n7,42,4.5,10\n12,0007,1,20\n",
    "headless.csv": "7,0042,3,30\n7,42,4.5,10\n12,0007,1,20\n",
    "a.tsv": "userId\tmovieId\trating\ttimestamp\n7\t0042\t3\t30\n7\t42\t4.5\t10\n12\t0007\t1\t20\n",
    "semicolon.csv": "user_id;item_id;rating;timestamp\n7;0042;3;30\n7;42;4.5;10\n12;0007;1;20\n",
    "windows.csv": "user,item,rating,time\r\n7,0042,3,30\r\n7,42,4.5,10\r\n12,0007,1,20\r\n",
    "ratings.dat": "7::0042::3::30\n7::42::4.5::10\n12::0007::1::20\n",
    "a.inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    "7\t0042\t3\t30\n7\t42\t4.5\t10\n12\t0007\t1\t20\n",
    "no_ending": "7::0042::3::30\n7::42::4.5::10\n12::0007::1::20\n",
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("name", FORMATS)
def test_every_text_format_gives_the_same_rows(name: str, packed: bool, tmp_path: Path) -> None:
    text = FORMATS[name].encode()
    path = tmp_path / (name + ".gz" * packed)
    path.write_bytes(gzip.compress(text) if packed else text)
    frame = read_interactions(path)
    assert frame["user"].to_list() == USERS
    assert frame["item"].to_list() == ITEMS  # text: 0042 and 42 are two items
    assert frame["rating"].to_list() == RATINGS
    assert frame["time"].to_list() == TIMES


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    pl.DataFrame({"uid": [7, 7], "sku": ["0042", "42"], "when": [3, 1]}).write_parquet(tmp_path / "a.parquet")
    frame = read_interactions(tmp_path / "a.parquet", columns=Columns("uid", "sku", time="when"))
    assert frame["user"].dtype.is_integer()
    assert frame["item"].to_list() == ["0042", "42"]
    assert frame.columns == ["user", "item", "time"]


def test_lists_give_a_row_an_item(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("0 5 03 9\n\n4 5\n7\n")
    frame = read_interactions(tmp_path / "train.txt", "list")
    assert frame.rows() == [("0", "5"), ("0", "03"), ("0", "9"), ("4", "5")]


def test_counted_lists_count_their_lines(tmp_path: Path) -> None:
    (tmp_path / "users.dat").write_text("2 5 3\n0\n1 9\n")
    frame = read_interactions(tmp_path / "users.dat", "counted_list")
    assert frame.rows() == [("0", "5"), ("0", "3"), ("2", "9")]
    (tmp_path / "users.dat").write_text("2 5 3\n3 9\n")
    with pytest.raises(DataError, match="line 2"):
        read_interactions(tmp_path / "users.dat", "counted_list")


def test_columns_are_chosen_by_name_or_number_and_may_be_left_unread(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("when,sku,uid,stars\n3,i1,u1,5\n")
    named = read_interactions(tmp_path / "a.csv", columns=Columns("uid", "sku", "stars", "when"))
    assert named.rows() == [("u1", "i1", 5.0, 3)]
    numbered = read_interactions(tmp_path / "a.csv", columns=Columns(3, 2, "", 1))
    assert numbered.rows() == [("u1", "i1", 3)]


def test_candidates_of_ncf_and_plain_ones(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("(0,25)\t1064\t174\n(1,133)\t1072\t3154\n")
    assert read_candidates(tmp_path / "a").rows() == [("0", ["1064", "174"]), ("1", ["1072", "3154"])]
    (tmp_path / "b").write_text("0 1064 174\n\n1 1072\n")
    assert read_candidates(tmp_path / "b").rows() == [("0", ["1064", "174"]), ("1", ["1072"])]


def test_several_pairs_of_one_user_are_refused_or_joined(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("(0,25) 7 8\n(1,3) 4\n(0,26) 8 9\n")
    with pytest.raises(DataError, match=r"lines 1 and 3: both are of user 0.*data\.pairs=apart.*data\.pairs=join"):
        read_candidates(tmp_path / "a")
    joined = read_candidates(tmp_path / "a", pairs="join")
    assert joined.rows() == [("0", ["7", "8"]), ("1", ["4"]), ("0", ["8", "9"])]
    pairs, n_joined = candidate_pairs(joined)
    assert n_joined == 2
    assert sorted(pairs.select("user", "item").rows()) == [("0", "7"), ("0", "8"), ("0", "9"), ("1", "4")]
    apart = read_candidates(tmp_path / "a", pairs="apart").select("user", "target", "items")
    assert apart.rows() == [("0", "25", ["7", "8"]), ("1", "3", ["4"]), ("0", "26", ["8", "9"])]
    (tmp_path / "a").write_text("(0,25) 7 8\n0 9\n")
    with pytest.raises(DataError, match=r"line 2: data\.pairs=apart, and it does not begin with \(user,test item\)"):
        read_candidates(tmp_path / "a", pairs="apart")


BAD: list[tuple[str, bytes, dict[str, Any], str]] = [
    ("empty.csv", b"", {}, "empty.csv is empty"),
    ("blank.csv", b"\n \n", {}, "blank.csv is empty"),
    ("header.csv", b"user,item\n", {}, "header and no rows"),
    ("torn.csv.gz", gzip.compress(b"user,item\n1,2\n" * 99)[:-9], {}, "damaged gzip"),
    ("stars.csv", b"user,item,rating\n1,2,3\n1,3,good\n", {}, r"line 3.*good"),
    ("when.csv", b"user,item,time\n1,2,3\n1,3,4\n2,2,noon\n", {}, r"line 4.*noon"),
    ("names.csv", b"user,thing\n1,2\n", {}, "data.columns.item"),
    ("near.csv", b"uid,item\n1,2\n", {"columns": Columns(user="uidd")}, "did you mean 'uid'"),
    ("short.csv", b"user,item\n1,2\n", {"columns": Columns(user=5)}, "2 columns"),
    ("hole.csv", b"user,item\n1,2\n,3\n", {}, "line 3"),
    ("not.parquet", b"user,item\n1,2\n", {}, "no Parquet"),
    ("what", b"1 2 3\n", {}, "data.format"),
    ("latin.csv", b"user,item\n\xfc,\xe9\n", {}, "data.encoding"),
    ("latin.list", b"\xfc \xe9\n", {}, "data.encoding"),
    ("klingon.csv", b"user,item\n1,2\n", {"encoding": "klingon"}, "data.encoding=klingon"),
    ("odd.csv", b"user,item\n10,2\n", {"encoding": "utf-16"}, "data.encoding=utf-16"),
    ("lonely.list", b"1\n2\n", {}, "no line with an item"),
]


@pytest.mark.parametrize(("name", "content", "options", "said"), BAD, ids=[case[0] for case in BAD])
def test_a_bad_file_is_one_line(name: str, content: bytes, options: dict[str, Any], said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        read_interactions(tmp_path / name, **options)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_the_format_is_seen_in_any_encoding(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes("uid;item\r\nü;é\r\n".encode(encoding))
    assert read_interactions(tmp_path / "x.csv", encoding=encoding).rows() == [("ü", "é")]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv"):
        read_interactions(tmp_path / "nowhere.csv")


def test_a_gzip_file_that_grows_without_bound_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rexp.datasets import files

    monkeypatch.setattr(files, "LEAST_BOUND", 1000)
    bomb = tmp_path / "bomb.csv.gz"
    bomb.write_bytes(gzip.compress(bytes(10_000_000)))
    with pytest.raises(DataError, match=r"bomb\.csv\.gz holds more than 1 MiB, over 100 times its own size"):
        files.read_bytes(bomb)
    fine = tmp_path / "fine.csv.gz"
    fine.write_bytes(gzip.compress(b"1,2\n" * 250))
    assert files.read_bytes(fine) == b"1,2\n" * 250


def test_ratings_and_times_are_numbers_where_every_cell_is_one(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("user,item,rating,time\n07,a,4.5,10\n8,b,3,11\n")
    frame, _ = read_rows(file)
    assert frame.schema == {"user": pl.String, "item": pl.String, "rating": pl.Float64, "time": pl.Int64}
    file.write_text("user,item,rating,time\n07,a,nan,10\n8,b,3,2020-01-31\n")
    frame, _ = read_rows(file)
    assert (frame["rating"].to_list(), frame["time"].to_list()) == (["nan", "3"], ["10", "2020-01-31"])


@pytest.mark.parametrize("blanks", [0, 3, 5000])
def test_blank_last_lines_are_no_rows(tmp_path: Path, blanks: int) -> None:
    assert as_utf8(b"a,b\r\n1,2\r\n" + b" \r\n" * blanks, tmp_path) == b"a,b\n1,2\n"
