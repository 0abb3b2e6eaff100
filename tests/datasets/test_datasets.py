"""The built-in data sets: their counts as published, and what they say when a file is missing."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rexp.datasets.files import checksum_state
from rexp.datasets.movietweetings import FOLDER
from rexp.datasets.s3rec import S3RecConfig
from rexp.errors import ConfigError, DataError
from rexp.plugins import registry
from rexp.prepare.describe import Counts, count
from rexp.prepare.prepare import load_split, make_dataset

if TYPE_CHECKING:
    from rexp.api import RawData
    from rexp.data.split import Split

needs_data = pytest.mark.skipif(
    "REXP_DATA" not in os.environ, reason="REXP_DATA names no folder with the data sets that may not be shipped"
)


def data_root() -> Path:
    return Path(os.environ["REXP_DATA"])


def read(name: str, root: Path | None, **options: Any) -> RawData:
    dataset = make_dataset({"name": name, **options}, root)
    return dataset.read()


def found(split: Split) -> dict[str, int]:
    return {finding["name"]: finding["count"] for finding in split.report["findings"]}


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


NEEDED = {
    "ml-100k": "u.data",
    "ml-1m": "ratings.dat",
    "ncf-ml-1m": "ml-1m.train.rating",
    "gowalla": "train.txt",
    "citeulike-t": "loo-de-rrd.train.txt",
}


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


# ---- the publishers' own files


@needs_data
def test_ml_100k() -> None:
    raw = read("ml-100k", data_root())
    assert count(raw) == Counts(943, 1_682, 100_000, 100_000)
    assert round(count(raw).density, 5) == 0.06305
    assert raw.items is not None
    assert raw.users is not None
    assert (len(raw.items), len(raw.users)) == (1_682, 943)
    assert raw.items["title"][0] == "Toy Story (1995)"
    assert raw.items["genres"][0].to_list() == ["Animation", "Children's", "Comedy"]


@needs_data
def test_ml_1m_csv() -> None:
    raw = read("ml-1m", data_root())
    assert count(raw) == Counts(6_040, 3_706, 1_000_209, 1_000_209)
    assert raw.items is not None
    assert raw.users is not None
    assert (len(raw.items), len(raw.users)) == (3_883, 6_040)


@needs_data
def test_ml_1m_dat(tmp_path: Path) -> None:
    (tmp_path / "ml-1m").mkdir()
    shutil.copy(data_root() / "ml-1m" / "ratings_sample_10000.dat.gz", tmp_path / "ml-1m" / "ratings.dat.gz")
    raw = read("ml-1m", tmp_path)
    assert (count(raw).users, count(raw).interactions) == (70, 10_000)
    assert raw.interactions is not None
    assert raw.interactions["time"].min() > 950_000_000  # type: ignore[operator]


@needs_data
@pytest.mark.parametrize("name", [*NEEDED, "movietweetings"])
def test_the_files_are_the_published_ones(name: str) -> None:
    states = {
        source.path.name: checksum_state(source) for source in make_dataset({"name": name}, data_root()).sources()
    }
    assert states == dict.fromkeys(states, "ok")


@needs_data
def test_ncf_ml_1m(tmp_path: Path) -> None:
    split = load_split({"name": "ncf-ml-1m"}, data_root(), tmp_path)
    assert (split.n_users, split.n_items) == (6_040, 3_706)
    assert (len(split.train), len(split.valid), len(split.test)) == (994_169, 0, 6_040)
    assert split.protocol == "candidates"
    assert split.candidates is not None
    assert split.candidates.shape == (6_040, 99)
    assert split.candidates.min() >= 0
    assert found(split) == {"cold-test-items": 2, "target-among-negatives": 156}


@needs_data
def test_gowalla(tmp_path: Path) -> None:
    split = load_split({"name": "gowalla"}, data_root(), tmp_path)
    assert (split.n_users, split.n_items) == (29_858, 40_981)
    assert (len(split.train), len(split.valid), len(split.test)) == (810_128, 0, 217_242)
    assert found(split) == {}


@needs_data
def test_gowalla_with_validation(tmp_path: Path) -> None:
    split = load_split({"name": "gowalla", "valid": True}, data_root(), tmp_path)
    assert (split.n_users, split.n_items) == (29_858, 40_981)
    # The validation rows are taken out of the 810,128 training rows.
    assert len(split.valid) == 91_047
    assert (len(split.train), len(split.test)) == (810_128 - 91_047, 217_242)
    assert "train-test-overlap" not in found(split)


@needs_data
def test_citeulike_t_raw() -> None:
    counts = count(read("citeulike-t", data_root(), variant="raw"))
    assert (counts.users, counts.items, counts.interactions) == (7_947, 25_584, 134_860)


@needs_data
@pytest.mark.parametrize("variant", ["loo-de-rrd", "loo-td"])
def test_citeulike_t_as_split(variant: str, tmp_path: Path) -> None:
    split = load_split({"name": "citeulike-t", "variant": variant}, data_root(), tmp_path)
    assert (split.n_users, split.n_items) == (5_219, 25_181)
    assert (len(split.train), len(split.valid), len(split.test)) == (115_142, 5_219, 5_219)
    assert len(split.train) + len(split.valid) + len(split.test) == 125_580
    assert "train-test-overlap" not in found(split)


@needs_data
def test_the_splits_of_citeulike_t_differ(tmp_path: Path) -> None:
    one, other = (
        load_split({"name": "citeulike-t", "variant": variant}, data_root(), tmp_path)
        for variant in ("loo-de-rrd", "loo-td")
    )
    assert one.fingerprint != other.fingerprint


@needs_data
def test_foursquare(tmp_path: Path) -> None:
    split = load_split(
        {"name": "foursquare", "split": {"name": "leave_last", "order": "random"}}, data_root(), tmp_path
    )
    assert (split.n_users, split.n_items) == (24_941, 28_593)
    assert len(split.train) + len(split.valid) + len(split.test) == 717_086


@needs_data
def test_lastfm_of_lightgcn(tmp_path: Path) -> None:
    node = {"name": "lastfm-lightgcn", "split": {"name": "given"}, "filter": {"duplicates": "keep"}}
    split = load_split(node, data_root(), tmp_path)
    assert (split.n_users, split.n_items) == (1_880, 4_489)
    assert (len(split.train), len(split.test)) == (42_135, 10_533)
    assert found(split)["cold-test-users"] == 2
    assert split.spec.features == {}
    friends = load_split(node | {"friends": True}, data_root(), tmp_path)
    sets = friends.features()["user.friends"].values
    assert len(sets) == 1_880
    # Of 25,434 pairs, those of the users who are in either part.
    assert int((sets > 0).sum()) == 25_330


def test_friends_of_lastfm_are_sets(tmp_path: Path) -> None:
    folder = tmp_path / "lastfm-lightgcn"
    folder.mkdir()
    (folder / "data1.txt").write_text("1\t5\t9\n2\t6\t1\n4\t5\t2\n")
    (folder / "test1.txt").write_text("1\t6\t3\n")
    (folder / "trustnetwork.txt").write_text("1\t4\n1\t2\n4\t1\n2\t1\n7\t1\n")
    node = {"name": "lastfm-lightgcn", "split": {"name": "given"}, "filter": {"duplicates": "keep"}}
    split = load_split(node | {"friends": True}, tmp_path, tmp_path / "cache")
    assert split.user_ids().to_list() == ["1", "2", "4"]
    feature = split.features()["user.friends"]
    # 1, 2 and 4 are the categories 1, 2 and 3.
    assert (feature.spec.kind, feature.spec.cardinality) == ("set", 4)
    assert feature.values.tolist() == [[2, 3], [1, 0], [1, 0]]
    plain = load_split(node, tmp_path, tmp_path / "cache")
    assert plain.fingerprint != split.fingerprint
    assert not plain.spec.features


@needs_data
@pytest.mark.parametrize(
    ("variant", "users", "items", "rows", "attributes"),
    [("Beauty", 22_363, 12_101, 198_502, 637), ("LastFM", 1_090, 3_646, 52_551, 388)],
)
def test_s3rec(variant: str, users: int, items: int, rows: int, attributes: int, tmp_path: Path) -> None:
    node = {"name": "s3rec", "variant": variant, "filter": {"duplicates": "keep"}}
    raw = read("s3rec", data_root(), variant=variant)
    assert count(raw) == Counts(users, items, rows, rows)
    assert raw.items is not None
    assert raw.items["attributes"].explode().n_unique() == attributes
    split = load_split(node, data_root(), tmp_path)
    assert set(split.report["sources"].values()) == {"ok"}
    assert split.protocol == ("candidates" if variant == "LastFM" else "full")
    assert split.spec.features["item.attributes"].kind == "set"


def test_attributes_of_s3rec_are_sets(tmp_path: Path) -> None:
    folder = tmp_path / "s3rec"
    folder.mkdir()
    (folder / "Beauty.txt").write_text("".join(f"{user} 1 2 3 4\n" for user in range(1, 5)))
    (folder / "Beauty_item2attributes.json").write_text('{"1": [7, 9], "2": [9], "4": []}')
    split = load_split({"name": "s3rec"}, tmp_path, tmp_path / "cache")
    assert split.items_table()["attributes"].to_list() == [[7, 9], [9], None, []]
    assert split.features()["item.attributes"].values.tolist() == [[1, 2], [2, 0], [0, 0], [0, 0]]
    (folder / "Beauty_item2attributes.json").write_text('[{"1": [7]}]')
    with pytest.raises(DataError, match="is no object from items to lists of attributes"):
        read("s3rec", tmp_path)


def test_texts_of_yelp(tmp_path: Path) -> None:
    folder = tmp_path / "s3rec"
    folder.mkdir()
    (folder / "Yelp.txt").write_text("".join(f"{user} 1 2 3 4\n" for user in range(1, 5)))
    (folder / "Yelp_item2attributes.json").write_text('{"1": [1, 2], "2": [2], "4": [3]}')
    texts = {"0": ("Sal's Pizza", "Food, Pizza"), "1": ("Milk Bar", "Food"), "3": ("Gym", "Fitness & Instruction")}
    (folder / "Yelp.item.json").write_text(
        json.dumps({place: {"title": title, "description": kinds} for place, (title, kinds) in texts.items()})
    )
    split = load_split({"name": "s3rec", "variant": "Yelp", "texts": True}, tmp_path, tmp_path / "cache")
    assert split.text("item.title") == ["Sal's Pizza", "Milk Bar", "", "Gym"]
    kinds = split.items_table()["categories"].to_list()
    assert kinds == [["Food", "Pizza"], ["Food"], None, ["Fitness & Instruction"]]
    # Items 3 and 4 validate and are tested, so that the gym's category is unknown.
    assert split.features()["item.categories"].values.tolist() == [[1, 2], [1, 0], [0, 0], [0, 0]]
    plain = load_split({"name": "s3rec", "variant": "Yelp"}, tmp_path, tmp_path / "cache")
    assert plain.items_table().columns == ["item", "attributes"]
    (folder / "Yelp.item.json").write_text('{"0": {"title": "Sal\'s Pizza"}}')
    with pytest.raises(DataError, match="is no object from items to titles and descriptions"):
        read("s3rec", tmp_path, variant="Yelp", texts=True)
    with pytest.raises(ValueError, match="Beauty has none"):
        S3RecConfig(texts=True)


@needs_data
def test_yelp_has_as_many_names_as_attributes() -> None:
    items = read("s3rec", data_root(), variant="Yelp", texts=True).items
    assert items is not None
    alike = items["categories"].list.len() == items["attributes"].list.len()
    assert (items.height, int(alike.sum())) == (20_033, 20_032)
