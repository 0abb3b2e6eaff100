"""K-fold splits, against scikit-learn's folds and by what holds of any."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.model_selection import KFold as SklearnKFold

from rexp.data.interactions import Interactions
from rexp.errors import ConfigError, DataError
from rexp.prepare.prepare import load_split
from rexp.splits.kfold import KFold, KFoldConfig

if TYPE_CHECKING:
    from rexp.data.split import Split

# 23 rows of six users and five items, sorted by user; where they stand in the file is another order.
RANDOM = np.random.default_rng(0)
USERS = np.sort(RANDOM.permutation(np.arange(23, dtype=np.int32) % 6))
DATA = Interactions(USERS, np.arange(23, dtype=np.int32) % 5, rows=RANDOM.permutation(23) * 3)


def each_fold(data: Interactions = DATA, **options: Any) -> list[np.ndarray[Any, Any]]:
    """The test mask of every fold."""
    folds = options.pop("folds", 5)
    return [KFold(KFoldConfig(folds=folds, fold=fold, **options)).split(data).test for fold in range(folds)]


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("order", ["user", "file"])
def test_folds_are_those_of_scikit_learn(order: str, seed: int) -> None:
    assert DATA.rows is not None
    in_order = np.argsort(DATA.rows) if order == "file" else np.arange(23)
    theirs = SklearnKFold(5, shuffle=True, random_state=seed).split(in_order)
    for own, (_, test) in zip(each_fold(order=order, seed=seed), theirs, strict=True):
        assert np.flatnonzero(own).tolist() == sorted(in_order[test].tolist())


@pytest.mark.parametrize("by", ["row", "user", "item"])
def test_every_row_is_tested_once_and_is_in_one_part(by: Any) -> None:
    assert np.sum(each_fold(by=by), axis=0).tolist() == [1] * 23
    for fold in range(5):
        for valid in (False, True):
            parts = KFold(KFoldConfig(fold=fold, by=by, valid=valid)).split(DATA)
            assert (parts.train.astype(int) + parts.valid + parts.test).tolist() == [1] * 23
            assert parts.valid.any() == valid


@pytest.mark.parametrize(("by", "sizes"), [("user", [2, 1, 1, 1, 1]), ("item", [1] * 5)])
def test_whole_users_or_items_are_held_out(by: Any, sizes: list[int]) -> None:
    ids = DATA.users if by == "user" else DATA.items
    for mask, size in zip(each_fold(by=by), sizes, strict=True):
        assert len(set(ids[mask])) == size
        assert not set(ids[mask]) & set(ids[~mask])


def test_the_first_folds_are_the_longer_ones() -> None:
    assert [int(mask.sum()) for mask in each_fold()] == [5, 5, 5, 4, 4]


def test_the_next_fold_validates() -> None:
    masks = each_fold()
    for fold in range(5):
        valid = KFold(KFoldConfig(fold=fold, valid=True)).split(DATA).valid
        assert (valid == masks[(fold + 1) % 5]).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"folds": 1}, "folds=1 must be 2 or more"),
        ({"folds": 2, "valid": True}, "folds=2 must be 3 or more"),
        ({"fold": 5}, "fold=5 must be between 0 and 4"),
        ({"seed": -1}, "seed=-1"),
        ({"order": "file", "by": "user"}, "order=file is that of rows"),
    ],
)
def test_impossible_folds_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        KFoldConfig(**options)


def test_too_little_data_or_no_file_is_said() -> None:
    with pytest.raises(DataError, match="only 6 users"):
        KFold(KFoldConfig(folds=7, by="user")).split(DATA)
    with pytest.raises(ConfigError, match="take order=user"):
        KFold(KFoldConfig(order="file")).split(Interactions(DATA.users, DATA.items))


def test_the_order_of_the_file_outlasts_filters(tmp_path: Path) -> None:
    """Times fall from row to row, and the second row is one that a filter drops."""
    lines = [f"{row % 3},i{row},{row % 5 + 1},{100 - row}" for row in range(20)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["user,item,rating,time", *lines]) + "\n")

    def prepared(fold: int) -> Split:
        split = {"name": "kfold", "folds": 4, "fold": fold, "order": "file", "seed": 3}
        node = {"name": "csv", "path": str(path), "filter": {"drop_ratings": [2.0]}, "split": split}
        return load_split(node, None, tmp_path / "cache")

    kept = [f"i{row}" for row in range(20) if row % 5 != 1]
    theirs = SklearnKFold(4, shuffle=True, random_state=3).split(kept)
    for fold, (_, test) in enumerate(theirs):
        split = prepared(fold)
        names = split.items_table()["item"].to_list()
        assert {names[item] for item in split.test.items} == {kept[row] for row in test}
        assert split.test.rows is None


def test_folds_of_the_same_data_are_a_family(tmp_path: Path) -> None:
    lines = [f"{row % 5},i{row},{row % 5 + 1}" for row in range(20)]
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for path, own in zip(paths, (lines, lines[:-1]), strict=True):
        path.write_text("\n".join(["user,item,rating", *own]) + "\n")

    def prepared(path: Path, name: str = "kfold", **options: Any) -> Split:
        node = {"name": "csv", "path": str(path), "split": {"name": name, **options}}
        return load_split(node, None, tmp_path / "cache")

    first, second = prepared(paths[0]), prepared(paths[0], fold=1)
    assert first.family == second.family != ""
    assert first.fingerprint != second.fingerprint
    others = {prepared(paths[0], seed=1).family, prepared(paths[0], folds=4).family, prepared(paths[1]).family}
    assert len({first.family, *others}) == 4
    assert prepared(paths[0], "ratio", train=0.5, valid=0.0, test=0.5).family == ""


def test_a_family_is_of_the_data_whatever_the_process_read_before(tmp_path: Path) -> None:
    """Polars numbers text, and the distinct values of a column, as it meets them; a family must not hear of it."""
    users = ["zoe", "ann", "bob", "eve", "kim"]
    lines = [f"{users[row % 5]},i{row * 37 % 20},{row % 5 + 1},{row % 3}" for row in range(20)]
    (tmp_path / "a.csv").write_text("\n".join(["user,item,rating,hour", *lines]) + "\n")
    script = (
        "import sys; from pathlib import Path; import polars as pl\n"
        "from rexp.prepare.prepare import load_split\n"
        "kept = pl.Series(sys.argv[2].split()).cast(pl.Categorical)\n"
        "split = {'name': 'kfold', 'order': 'file'}\n"
        "node = {'name': 'csv', 'path': sys.argv[1], 'context': ['hour'], 'split': split}\n"
        "print(load_split(node, None, Path(sys.argv[3])).family)"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "a.csv"), before, str(tmp_path / f"cache{place}")],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "POLARS_MAX_THREADS": str(place + 1)},
        ).stdout
        for place, before in enumerate(["nobody", "kim i3 i1 zoe ann i17", "i19 i2 eve bob"])
    }
    assert len(found) == 1
