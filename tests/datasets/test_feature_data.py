"""Data sets with vectors, texts, tags and citations: made-up files in their formats, and the publishers' own."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rexp.api import FeatureSpec
from rexp.datasets.files import checksum_state
from rexp.errors import ConfigError, DataError
from rexp.prepare.describe import Counts, count
from rexp.prepare.prepare import load_split
from rexp.prepare.sources import make_dataset

if TYPE_CHECKING:
    from rexp.data.split import Split

needs_data = pytest.mark.skipif(
    "REXP_DATA" not in os.environ, reason="REXP_DATA names no folder with the data sets that may not be shipped"
)
LEAVE_ONE = {"name": "leave_last", "valid": 0, "order": "random"}


def load(name: str, root: Path, **options: Any) -> Split:
    return load_split({"name": name, **options}, root, root / "cache")


def published(name: str, cache: Path, **options: Any) -> Split:
    return load_split({"name": name, **options}, Path(os.environ["REXP_DATA"]), cache)


# ---- MovieLens 100K with CLIP vectors


@pytest.fixture
def movielens(tmp_path: Path) -> Path:
    folder = tmp_path / "ml-100k"
    folder.mkdir()
    movies, flags = (1, 2, 10), "|".join("0" * 19)
    rows = [f"{user}\t{movie}\t3\t{when}" for user in (1, 2) for when, movie in enumerate(movies)]
    (folder / "u.data").write_text("\n".join(rows) + "\n")
    (folder / "u.item").write_text("".join(f"{movie}|M{movie}|||x|{flags}\n" for movie in movies))
    vectors = np.array([[1, 0], [0, 2], [3, 4]], np.float16)
    np.savez(folder / "clip_embeddings_512.npz", image=vectors, text=-vectors)
    return tmp_path


def test_clip_vectors_are_an_option(movielens: Path) -> None:
    split = load("ml-100k", movielens, clip=True)
    assert split.items_table()["item"].to_list() == ["1", "2", "10"]
    assert split.features()["item.clip_image"].values.tolist() == [[1, 0], [0, 2], [3, 4]]
    assert split.features()["item.clip_text"].values.tolist() == [[-1, 0], [0, -2], [-3, -4]]
    plain = load("ml-100k", movielens)
    assert not [name for name in plain.spec.features if "clip" in name]
    assert plain.fingerprint != split.fingerprint
    (movielens / "ml-100k" / "clip_embeddings_512.npz").unlink()
    assert load("ml-100k", movielens).fingerprint == plain.fingerprint
    with pytest.raises(DataError, match=r"clip_embeddings_512\.npz .* is missing: it belongs in"):
        load("ml-100k", movielens, clip=True)


@needs_data
def test_ml_100k_with_clip(tmp_path: Path) -> None:
    split = published("ml-100k", tmp_path, clip=True)
    assert split.spec.features["item.clip_image"] == FeatureSpec("item", "vector", 0, 512)
    assert split.spec.features["user.age"].kind == "number"
    assert split.report["sources"]["clip_embeddings_512.npz"] == "ok"
    titles, vectors = split.text("item.title"), split.features()["item.clip_text"].values.astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    like = np.argsort(-vectors @ vectors[titles.index("Star Wars (1977)")])[:3]
    assert "Empire Strikes Back, The (1980)" in [titles[item] for item in like]


# ---- CiteULike-a


@pytest.fixture
def citeulike(tmp_path: Path) -> Path:
    folder = tmp_path / "citeulike-a"
    folder.mkdir()
    (folder / "users.dat").write_text("3 0 1 2\n2 1 3\n")
    (folder / "item-tag.dat.gz").write_bytes(gzip.compress(b"2 2 0\n1 0\n0\n1 1\n"))
    (folder / "tags.dat").write_text("graphs\nproteins\ncells")
    (folder / "citations.dat").write_text("1 3\n0\n2 0 1\n0\n")
    return tmp_path


def test_citeulike_a_has_tags_and_citations(citeulike: Path) -> None:
    raw = make_dataset({"name": "citeulike-a"}, citeulike).read()
    assert count(raw) == Counts(2, 4, 5, 5)
    assert raw.items is not None
    assert raw.items.rows() == [
        ("0", ["cells", "graphs"], [3]),
        ("1", ["graphs"], []),
        ("2", [], [0, 1]),
        ("3", ["proteins"], []),
    ]
    split = load("citeulike-a", citeulike, split=LEAVE_ONE, features={"item.tags": {"kind": "text"}})
    assert split.text("item.tags") == ["cells graphs", "graphs", "", "proteins"]
    assert load("citeulike-a", citeulike, split=LEAVE_ONE).spec.features["item.tags"].kind == "set"


def test_citeulike_a_without_tags_or_with_others_than_there_are(citeulike: Path) -> None:
    folder = citeulike / "citeulike-a"
    (folder / "citations.dat").write_text("1 3\n0\n")
    with pytest.raises(DataError, match=r"item-tag\.dat and citations\.dat have 2 and 4 lines"):
        make_dataset({"name": "citeulike-a"}, citeulike).read()
    (folder / "citations.dat").write_text("1 3 4\n")
    with pytest.raises(DataError, match=r"citations\.dat, line 1: the first number is not the count"):
        make_dataset({"name": "citeulike-a"}, citeulike).read()
    (folder / "citations.dat").unlink()
    (folder / "tags.dat").write_text("graphs\n")
    with pytest.raises(DataError, match="has a tag beyond the 1 lines of"):
        make_dataset({"name": "citeulike-a"}, citeulike).read()
    (folder / "tags.dat").unlink()
    assert make_dataset({"name": "citeulike-a"}, citeulike).read().items is None


@needs_data
def test_citeulike_a(tmp_path: Path) -> None:
    raw = make_dataset({"name": "citeulike-a"}, Path(os.environ["REXP_DATA"])).read()
    assert count(raw) == Counts(5_551, 16_980, 204_986, 204_986)
    assert raw.items is not None
    assert (raw.items["tags"].explode().n_unique(), raw.items["citations"].list.len().sum()) == (46_390, 89_418)


# ---- Last.fm 2K


@pytest.fixture
def lastfm(tmp_path: Path) -> Path:
    folder = tmp_path / "lastfm-2k-multimodal"
    folder.mkdir()
    rows = [(0, 0, 0), (0, 1, 1), (0, 2, 2), (1, 1, 0), (1, 2, 0), (1, 10, 2)]
    lines = "".join(f"{user}\t{item}\t1\t{part}\n" for user, item, part in rows)
    (folder / "lfm2k.inter").write_text(f"userID\titemID\trating\tx_label\n{lines}")
    np.save(folder / "vggish.npy", np.arange(8, dtype=np.float16).reshape(4, 2))
    return tmp_path


def test_lastfm_2k_has_parts_and_vectors(lastfm: Path) -> None:
    split = load("lastfm-2k", lastfm, vectors=["vggish"])
    assert (len(split.train), len(split.valid), len(split.test)) == (3, 1, 2)
    assert split.train.ratings is None, "each is 1"
    assert split.features()["item.vggish"].values.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    with pytest.raises(DataError, match=r"all-MiniLM-L6-v2\.npy .* is missing"):
        load("lastfm-2k", lastfm)
    with pytest.raises(ConfigError, match="did you mean 'vggish'"):
        load("lastfm-2k", lastfm, vectors=["vggsh"])


@needs_data
def test_lastfm_2k(tmp_path: Path) -> None:
    split = published("lastfm-2k", tmp_path)
    assert (split.n_users, split.n_items) == (1_858, 1_425)
    assert (len(split.train), len(split.valid), len(split.test)) == (44_327, 4_799, 7_219)
    widths = {name: spec.dim for name, spec in split.spec.features.items()}
    assert widths == {"item.minilm": 384, "item.vggish": 128, "item.whisper": 512}


# ---- Amazon Scientific


HEADER = "user_id:token\titem_id_list:token_seq\titem_id:token\n"


@pytest.fixture
def scientific(tmp_path: Path) -> Path:
    """Two users; lists are cut to the latest two, as the published ones are to fifty."""
    folder = tmp_path / "amazon-scientific"
    folder.mkdir()
    files = {
        "train.inter": HEADER + "0\t1 2\t0\n0\t3 1\t2\n0\t3\t1\n1\t4\t1\n",
        "valid.inter": HEADER + "0\t2 0\t4\n1\t4 1\t3\n",
        "test.inter": HEADER + "0\t0 4\t5\n1\t1 3\t2\n",
        "text": "item_id:token\ttext:token_seq\nB0\tA drill | 5 mm.\nB1\tSand\nB2\tTape\nB3\tGlue\nB4\tNails\n",
        "item2index": "B0\t0\nB1\t1\nB2\t2\nB3\t3\nB4\t4\nB5\t5\n",
    }
    for name, content in files.items():
        (folder / f"Scientific.{name}").write_text(content)
    return tmp_path


def test_amazon_scientific_is_read_in_the_order_of_time_with_texts(scientific: Path) -> None:
    split = load("amazon-scientific", scientific, filter={"duplicates": "keep"})
    ids = split.items_table()["item"]
    train, valid, test = ([ids[int(item)] for item in part.items] for part in (split.train, split.valid, split.test))
    assert train == ["3", "1", "2", "0", "4", "1"]
    assert (valid, test) == (["4", "3"], ["5", "2"])
    assert split.text("item.text") == ["A drill | 5 mm.", "Sand", "Tape", "Glue", "Nails", ""]
    assert split.text("item.asin")[0] == "B0"


@needs_data
def test_amazon_scientific(tmp_path: Path) -> None:
    split = published("amazon-scientific", tmp_path, filter={"duplicates": "keep"})
    assert (split.n_users, split.n_items) == (8_442, 4_385)
    assert (len(split.train), len(split.valid), len(split.test)) == (42_543, 8_442, 8_442)
    assert split.spec.text == ("item.asin", "item.text")
    assert min(map(len, split.text("item.text"))) > 0


# ---- all of them


FILES = {
    "citeulike-a": ("citeulike-a", "users.dat"),
    "lastfm-2k": ("lastfm-2k-multimodal", "lfm2k.inter"),
    "amazon-scientific": ("amazon-scientific", "Scientific.train.inter"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named_with_its_folder_and_its_page(name: str, tmp_path: Path) -> None:
    folder, file = FILES[name]
    dataset = make_dataset({"name": name}, tmp_path)
    with pytest.raises(DataError) as error:
        dataset.sources()
    for part in (file, str(tmp_path / folder), dataset.card.homepage):
        assert part in str(error.value)


@needs_data
@pytest.mark.parametrize("name", FILES)
def test_the_files_are_the_published_ones(name: str) -> None:
    dataset = make_dataset({"name": name}, Path(os.environ["REXP_DATA"]))
    states = {source.path.name: checksum_state(source) for source in dataset.sources()}
    assert states == dict.fromkeys(states, "ok")
