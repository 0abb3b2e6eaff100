"""The publishers' own files of the built-in data sets: their counts as published."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rexp.datasets.files import checksum_state
from rexp.datasets.s3rec import S3RecConfig
from rexp.errors import DataError
from rexp.prepare.describe import Counts, count
from rexp.prepare.prepare import load_split
from rexp.prepare.sources import make_dataset
from tests.datasets.reading import NEEDED, data_root, found, needs_data, read


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
