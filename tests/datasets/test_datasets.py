"""The built-in data sets in small files of their publishers' formats, and what they say when a file is missing."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from rexp.datasets.movietweetings import FOLDER
from rexp.errors import ConfigError, DataError
from rexp.plugins import registry
from rexp.prepare.describe import Counts, count
from rexp.prepare.prepare import load_split
from rexp.prepare.sources import make_dataset
from tests.datasets.reading import NEEDED, found, read

# ---- shipped with rexp


def test_movietweetings_is_shipped_whole() -> None:
    raw = read("movietweetings", None)
    assert count(raw) == Counts(users=16_554, items=10_506, interactions=100_000, pairs=100_000)
    assert raw.interactions is not None
    assert raw.interactions["rating"].min() == 0
    assert raw.interactions["rating"].max() == 10
    # 2013-02-28 to 2013-09-01 in unix seconds.
    assert 1_362_009_600 <= raw.interactions["time"].min() < raw.interactions["time"].max() < 1_378_080_000  # type: ignore[operator]


def test_movietweetings_keeps_leading_zeros_and_knows_titles(tmp_path: Path) -> None:
    split = load_split({"name": "movietweetings"}, None, tmp_path)
    table = split.items_table()
    assert set(table["item"].str.len_chars()) == {7}
    assert table["item"].str.starts_with("0").sum() > 5_000
    assert table["title"].null_count() == 0
    (matrix,) = table.filter(item="0133093").select("title", "year", "genres").rows()
    assert matrix == ("The Matrix (1999)", 1999, ["Action", "Adventure", "Sci-Fi"])
    genres = split.genre_matrix()
    assert genres is not None
    assert genres.shape[0] == split.n_items
    row = table["item"].to_list().index("0133093")
    assert genres[row].sum() == 3
    assert split.report["sources"] == {"ratings.dat.gz": "ok", "movies.dat.gz": "ok"}


def test_movietweetings_has_its_licence_and_citation_beside_it() -> None:
    licence = (FOLDER / "LICENSE").read_text()
    assert "MIT" in licence
    assert "Simon Dooms" in licence
    assert "Permission is hereby granted" in licence
    assert "MovieTweetings: a Movie Rating Dataset" in (FOLDER / "CITATION").read_text()


# ---- small files of the publishers' formats


@pytest.fixture
def movielens_1m(tmp_path: Path) -> Path:
    folder = tmp_path / "ml-1m"
    folder.mkdir()
    (folder / "ratings.dat").write_text("1::10::5::978300760\n1::2::3::978302109\n2::10::4::978300275\n")
    (folder / "movies.dat").write_bytes("2::Misérables, Les (1995)::Drama|Musical\n10::Odd::\n".encode("latin-1"))
    (folder / "users.dat").write_text("1::F::1::10::48067\n2::M::56::16::01234\n")
    return tmp_path


def test_ml_1m_in_its_original_form(movielens_1m: Path) -> None:
    raw = read("ml-1m", movielens_1m)
    assert raw.interactions is not None
    assert raw.interactions.select("user", "item", "rating", "time").rows()[0] == ("1", "10", 5, 978300760)
    assert raw.items is not None
    assert dict(zip(raw.items["title"], raw.items["year"], strict=True)) == {
        "Misérables, Les (1995)": 1995,
        "Odd": None,
    }
    assert raw.items["genres"].to_list() == [["Drama", "Musical"], []]
    assert raw.users is not None
    assert raw.users["zip"].to_list() == ["48067", "01234"]


def test_ml_1m_as_csv_with_ranks(movielens_1m: Path) -> None:
    folder = movielens_1m / "ml-1m"
    (folder / "ratings.csv").write_text("user_id,movie_id,rating,order\n7,8,5,1\n7,9,4,2\n")
    assert count(read("ml-1m", movielens_1m)).interactions == 3, "the original form comes first"
    (folder / "ratings.dat").unlink()
    raw = read("ml-1m", movielens_1m)
    assert raw.interactions is not None
    assert raw.interactions.select("user", "item", "rating", "time").rows() == [("7", "8", 5, 1), ("7", "9", 4, 2)]


def test_ml_1m_without_descriptions(movielens_1m: Path) -> None:
    for name in ("movies.dat", "users.dat"):
        (movielens_1m / "ml-1m" / name).unlink()
    raw = read("ml-1m", movielens_1m)
    assert raw.items is None
    assert raw.users is None


def test_ml_100k_reads_gzip_latin_1_and_genre_flags(tmp_path: Path) -> None:
    folder = tmp_path / "ml-100k"
    folder.mkdir()
    flags = ["0"] * 19
    flags[1] = flags[18] = "1"
    (folder / "u.data.gz").write_bytes(gzip.compress(b"196\t242\t3\t881250949\n"))
    (folder / "u.item").write_bytes(f"242|Café (1996)|24-Jan-1997||http://x|{'|'.join(flags)}\n".encode("latin-1"))
    raw = read("ml-100k", tmp_path)
    assert raw.interactions is not None
    assert raw.interactions.select("user", "item", "rating", "time").rows() == [("196", "242", 3, 881250949)]
    assert raw.items is not None
    assert raw.items["title"].to_list() == ["Café (1996)"]
    assert raw.items["genres"].to_list() == [["Action", "Western"]]


def test_a_file_that_is_not_the_published_one_is_a_finding(tmp_path: Path) -> None:
    folder = tmp_path / "gowalla"
    folder.mkdir()
    (folder / "train.txt.gz").write_bytes(gzip.compress(b"0 1 2\n1 2 3\n"))
    (folder / "test.txt").write_text("0 3\n1 1\n")
    split = load_split({"name": "gowalla"}, tmp_path, tmp_path / "cache")
    assert split.report["sources"] == {"train.txt.gz": "differs", "test.txt": "differs"}
    assert found(split) == {"source-differs": 2}


@pytest.mark.parametrize(("name", "file"), NEEDED.items(), ids=NEEDED.keys())
def test_a_missing_file_is_named_with_its_folder_and_its_page(name: str, file: str, tmp_path: Path) -> None:
    page = registry.load("data", name).card.homepage  # type: ignore[attr-defined]
    assert page.startswith("https://")
    with pytest.raises(DataError) as error:
        read(name, tmp_path)
    for part in (file, f"{file}.gz", str(tmp_path / name), page):
        assert part in str(error.value)


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_data_folder_says_how_to_name_one(name: str) -> None:
    with pytest.raises(DataError, match=r"no data folder is set.*REXP_DATA.*paths\.data=FOLDER.*https://"):
        read(name, None)


@pytest.mark.parametrize("name", [*NEEDED, "movietweetings"])
def test_options_that_a_data_set_lacks_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"data\.separator is not an option here"):
        make_dataset({"name": name, "separator": ","}, None)


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"variant='loo-derrd' is not allowed; did you mean 'loo-de-rrd'\?"):
        make_dataset({"name": "citeulike-t", "variant": "loo-derrd"}, None)


# ---- your own files


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs data.path=FILE, or both data.train=FILE and data.test=FILE"),
        ({"train": "a"}, "needs data.path=FILE, or both"),
        ({"path": "a", "test": "b"}, "data.path and data.test are both set"),
    ],
)
def test_own_files_are_one_or_parts(options: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read("csv", None, **options)


def test_own_parts_with_candidates(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("user,item\na,1\nb,2\n")
    (tmp_path / "test.csv").write_text("user,item\na,2\nb,1\n")
    (tmp_path / "negatives.txt").write_text("a 3 4\nb 3\n")
    names = {"train": "train.csv", "test": "test.csv", "candidates": "negatives.txt"}
    options = {"name": "csv", **{part: str(tmp_path / name) for part, name in names.items()}}
    split = load_split(options | {"split": {"name": "given"}}, None, tmp_path / "cache")
    assert split.protocol == "candidates"
    assert split.candidates is not None
    ids = split.items_table()["item"].to_list()
    negatives = [[str(ids[item]) for item in row if item >= 0] for row in split.candidates]
    assert negatives == [["3", "4"], ["3"]]
    assert len(make_dataset(options, None).sources()) == 3
