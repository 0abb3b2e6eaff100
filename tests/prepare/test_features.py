"""Features of whole data sets: files of vectors, policies in a run's identity, and that training alone is fitted on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import save_file

from rexp.api import DataError, FeatureSpec, RawData
from rexp.errors import ConfigError
from rexp.prepare.describe import columns_of
from rexp.prepare.prepare import load_split

if TYPE_CHECKING:
    from rexp.data.split import Split

ITEMS = ["1", "2", "9", "10"]
"""In ascending order; each of three users has them all, and tests 10."""
VECTORS = np.array([[1, 0], [0, 2], [3, 4], [5, 5]], np.float32)


@pytest.fixture
def load(tmp_path: Path) -> Any:
    rows = "".join(f"u{user},{item},{time}\n" for user in range(3) for time, item in enumerate(ITEMS))
    (tmp_path / "mine.csv").write_text(f"user,item,time\n{rows}")

    def load(**options: Any) -> Split:
        split = {"name": "leave_last", "valid": 0}
        return load_split(
            {"name": "csv", "path": str(tmp_path / "mine.csv"), "split": split, **options}, None, tmp_path / "cache"
        )

    return load


def written(folder: Path, kind: str, matrix: Any = VECTORS) -> dict[str, Any]:
    """The vectors in a file of this kind, as an option of ``data.vectors``."""
    path = folder / f"vectors.{kind}"
    if kind == "npy":
        np.save(path, matrix)
    elif kind == "npz":
        np.savez(path, image=matrix, other=matrix + 1)
    elif kind == "safetensors":
        save_file({"image": torch.from_numpy(np.ascontiguousarray(matrix)).to(torch.bfloat16)}, path)
    else:
        order = [3, 1, 0, 2]
        frame = {"item_id": [ITEMS[row] for row in order], "image": matrix[order].tolist()}
        pl.DataFrame(frame).write_parquet(path)
    return {"path": str(path), **({"key": "image"} if kind == "npz" else {})}


@pytest.mark.parametrize("kind", ["npy", "npz", "safetensors", "parquet"])
def test_vectors_of_a_file_are_those_of_the_ids_and_memory_mapped(load: Any, tmp_path: Path, kind: str) -> None:
    split = load(vectors={"item": {"image": written(tmp_path, kind)}})
    assert split.items_table()["item"].to_list() == ITEMS
    assert dict(split.spec.features) == {"item.image": FeatureSpec("item", "vector", 0, 2)}
    values = split.features()["item.image"].values
    assert isinstance(values, np.memmap)
    np.testing.assert_array_equal(values, VECTORS)
    assert split.report["columns"][0]["reason"] == f"read from vectors.{kind}"
    assert (split.directory / "item.image.npy").is_file()


def test_a_column_of_lists_in_a_table_is_a_vector(load: Any, tmp_path: Path) -> None:
    frame = pl.DataFrame({"item": ["10", "2", "1"], "image": VECTORS[:3].tolist()})
    frame.write_parquet(tmp_path / "items.parquet")
    split = load(items=str(tmp_path / "items.parquet"))
    assert split.features()["item.image"].values.tolist() == [[3, 4], [0, 2], [0, 0], [1, 0]]
    assert split.report["columns"][0]["missing"] == 0.25


def test_float16_stays(load: Any, tmp_path: Path) -> None:
    split = load(vectors={"item.image": written(tmp_path, "npy", VECTORS.astype(np.float16))["path"]})
    assert split.features()["item.image"].values.dtype == np.float16
    shortened = load(
        vectors={"item.image": written(tmp_path, "npy", VECTORS.astype(np.float16))["path"]},
        features={"item.image": {"normalize": "l2"}},
    )
    assert shortened.features()["item.image"].values.dtype == np.float16
    np.testing.assert_allclose(shortened.features()["item.image"].values[2], [0.6, 0.8], atol=1e-3)
    assert shortened.fingerprint != split.fingerprint


def test_ids_of_the_rows_and_what_has_none(load: Any, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("10\n2\n77\n")
    file = {"path": written(tmp_path, "npy", VECTORS[:3])["path"], "ids": str(tmp_path / "ids.txt")}
    split = load(vectors={"item": {"image": file}}, features={"item.image": {"indicator": True}})
    features = split.features()
    assert features["item.image"].values.tolist() == [[0, 0], [0, 2], [0, 0], [1, 0]]
    assert features["item.image.missing"].values.tolist() == [2, 1, 2, 1]
    # 10 is tested alone, so that the mean of training is that of 2 alone.
    mean = load(vectors={"item": {"image": {**file, "missing": "mean"}}})
    assert mean.features()["item.image"].values.tolist() == [[0, 2], [0, 2], [0, 2], [1, 0]]
    with pytest.raises(DataError, match=r"item\.image: 2 of 4 items have no vector"):
        load(vectors={"item": {"image": {**file, "missing": "error"}}})


def test_rows_in_order_are_of_all_that_the_data_names_whatever_the_filters_leave(load: Any, tmp_path: Path) -> None:
    file = written(tmp_path, "npy", np.arange(10, dtype=np.float32).reshape(5, 2))
    (tmp_path / "items.csv").write_text("item,kind\n2,a\n1,a\n10,b\n9,b\n3,a\n")
    split = load(items=str(tmp_path / "items.csv"), vectors={"item.image": file}, filter={"where": ["item <> 2"]})
    # The table has 1, 2, 3, 9, 10.
    assert split.items_table()["item"].to_list() == ["1", "9", "10"]
    assert split.features()["item.image"].values.tolist() == [[0, 1], [6, 7], [8, 9]]


def test_another_content_is_another_split_and_a_user_may_have_vectors(load: Any, tmp_path: Path) -> None:
    file = written(tmp_path, "npy", VECTORS[:3])
    one = load(vectors={"user.taste": file})
    assert one.spec.features["user.taste"] == FeatureSpec("user", "vector", 0, 2)
    written(tmp_path, "npy", VECTORS[1:])
    other = load(vectors={"user.taste": file})
    assert other.features()["user.taste"].values.tolist() == VECTORS[1:].tolist()
    assert len({load().fingerprint, one.fingerprint, other.fingerprint}) == 3


NAN = np.array([[1, 0], [0, np.nan], [3, 4], [5, 5]], np.float32)


@pytest.mark.parametrize(
    ("matrix", "options", "said"),
    [
        (VECTORS[:3], {}, r"npy has 3 rows, and there are 4 items in the data, in ascending order; name the ids"),
        (VECTORS, {"ids": "1 2 9"}, "npy has 4 rows, and there are 3 ids"),
        (VECTORS, {"ids": "1 2 9 9"}, "npy has the item 9 twice"),
        (VECTORS, {"ids": "a b c d"}, r"none of the data's items: its ids are a, b, c \.\.\., theirs 1"),
        (NAN, {}, "npy: the item 2 has a vector with NaN or infinity"),
        (VECTORS[0], {}, r"holds float32 of the shape \(2,\); \(rows, D\) numbers are wanted"),
        (np.array([["a"]]), {}, r"holds <U1 of the shape \(1, 1\)"),
        (np.array([[None]]), {}, "cannot be read as vectors: .*Python objects"),
    ],
)
def test_vectors_that_do_not_fit_are_one_line(
    load: Any, tmp_path: Path, matrix: Any, options: dict[str, str], said: str
) -> None:
    np.save(tmp_path / "vectors.npy", matrix, allow_pickle=True)
    if "ids" in options:
        (tmp_path / "ids.txt").write_text(options["ids"].replace(" ", "\n"))
        options = {"ids": str(tmp_path / "ids.txt")}
    with pytest.raises(DataError, match=said) as caught:
        load(vectors={"item": {"image": {"path": str(tmp_path / "vectors.npy"), **options}}})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"vectors": {"image": "x.npy"}}, r"data\.vectors\.image: a column is written SIDE\.NAME"),
        ({"vectors": {"item.image": "nowhere.npy"}}, r"nowhere\.npy is missing"),
        ({"vectors": {"item.image": "mine.csv"}}, r"mine\.csv is none of \.npy, \.npz, \.safetensors and \.parquet"),
        ({"vectors": {"item.image": {"path": "v.npz"}}}, r"v\.npz holds a, b; name one as key"),
        ({"vectors": {"item.image": {"path": "v.npz", "key": "c"}}}, r"v\.npz has no 'c'"),
        ({"vectors": {"item.image": {"pth": "v.npz"}}}, r"data\.vectors\.item\.image\.pth is not an option here"),
        ({"features": {"item.yaer": {}}}, r"data\.features: the data has no column 'item\.yaer'"),
        (
            {"vectors": {"item.image": {"path": "v.npz", "key": "a"}}, "features": {"item.image": {"kind": "number"}}},
            r"data\.features\.item\.image\.kind=number: v\.npz holds vectors",
        ),
    ],
)
def test_options_that_name_nothing_are_one_line(
    load: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("v.npz", a=VECTORS, b=VECTORS)
    with pytest.raises((ConfigError, DataError), match=said):
        load(**options)


def test_a_file_that_the_data_set_does_not_name_is_refused(
    load: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rexp.datasets.csv import Files

    file = written(tmp_path, "npy")
    monkeypatch.setattr(Files, "sources", lambda self: [])
    with pytest.raises(DataError, match=r"vectors\.npy holds vectors, and the data set does not name it"):
        load(vectors={"item.image": file})


# ---- policies and identity


USERS = "user,age,job,bio\nu0,30,a,x\nu1,,a,y\nu2,50,a,z\n"


def test_a_policy_changes_what_a_split_is_and_nothing_else_does(load: Any, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(USERS)
    plain = load(users=str(tmp_path / "users.csv"))
    assert load(users=str(tmp_path / "users.csv"), features={}).fingerprint == plain.fingerprint
    assert load(users=str(tmp_path / "users.csv"), features={"user.age": {}}).fingerprint == plain.fingerprint
    other = load(users=str(tmp_path / "users.csv"), features={"user": {"age": {"fill": "median"}}})
    dotted = load(users=str(tmp_path / "users.csv"), features={"user.age": {"fill": "median"}})
    assert other.fingerprint == dotted.fingerprint != plain.fingerprint
    assert plain.text_columns == ("user.bio",)
    assert plain.text("user.bio") == ["x", "y", "z"]
    dropped = load(users=str(tmp_path / "users.csv"), features={"user.bio": {"kind": "drop"}})
    assert dropped.spec.text == ()
    assert list(dropped.spec.features) == ["user.age", "user.job"]


def test_what_became_of_each_column_is_in_the_report(load: Any, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(USERS)
    split = load(users=str(tmp_path / "users.csv"), features={"user.age": {"fill": "constant", "value": 1}})
    assert split.report["columns"] == [
        {"name": "user.age", "kind": "number", "size": 0, "missing": 1 / 3, "fill": "constant 1", "reason": "numbers"},
        {"name": "user.job", "kind": "category", "size": 2, "missing": 0.0, "fill": "", "reason": "text"},
        {
            "name": "user.bio",
            "kind": "text",
            "size": 0,
            "missing": 0.0,
            "fill": "",
            "reason": "free text: 3 distinct values in 3 training rows",
        },
    ]


def test_the_columns_of_a_data_set_are_told_before_it_is_split() -> None:
    train = pl.DataFrame({"user": [1, 1, 2, 2], "item": ["a", "b", "a", "b"], "place": ["home", "work"] * 2})
    test = pl.DataFrame({"user": [2], "item": ["c"], "place": ["train"]})
    items = pl.DataFrame({"item": ["a", "b", "c"], "year": [1990, None, 2000]})
    told = columns_of(RawData(given={"train": train, "test": test}, items=items, context=("place",)))
    assert [(column.name, column.kind, column.size, column.fill) for column in told] == [
        ("item.year", "number", 0, "mean 1990"),  # c is in no training row
        ("context.place", "category", 3, ""),  # and neither is the place "train"
    ]
    assert told[0].missing == 1 / 3


def test_what_items_of_the_test_part_alone_are_like_moves_nothing(load: Any, tmp_path: Path) -> None:
    """Item 10 is in no training row: whatever its columns hold, the others' features stay."""
    seen = []
    for last in ("10,2000,z,q|r", "10,-5,y,a"):
        (tmp_path / "items.csv").write_text(f"item,year,maker,tags\n1,1990,x,a\n2,,y,a|b\n9,1994,x,b\n{last}\n")
        policies = {
            "item.year": {"fill": "median", "normalize": "rank"},
            "item.maker": {"kind": "category", "min_count": 2},
        }
        split = load(items=str(tmp_path / "items.csv"), features=policies)
        seen.append(split)
    one, other = ({name: feature.values[:3] for name, feature in split.features().items()} for split in seen)
    assert list(one) == list(other) == ["item.year", "item.maker", "item.tags"]
    assert dict(seen[0].spec.features) == dict(seen[1].spec.features)
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name])
    assert one["item.year"].tolist() == [0.25, 0.5, 0.75]
    assert seen[0].features()["item.maker"].values.tolist() == [1, 2, 1, 2]
    assert seen[0].features()["item.tags"].values.tolist() == [[1, 0], [1, 2], [2, 0], [0, 0]]
