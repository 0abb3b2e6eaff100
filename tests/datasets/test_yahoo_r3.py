"""Yahoo! R3 in two small logs, and as it is published."""

from __future__ import annotations

from pathlib import Path

import pytest

from rexp.prepare.prepare import load_split
from tests.datasets.reading import data_root, needs_data

CHOSEN = "0,0,5\n0,1,5\n1,0,5\n1,2,1\n"
DRAWN = "0,2,1\n0,3,5\n1,1,1\n1,3,1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "yahoo-r3"
    place.mkdir()
    files = {"user.txt": CHOSEN, "random.txt": DRAWN, "S_t.tsv": "0\t2\t-1\n0\t3\t1\n1\t1\t-1\n1\t3\t-1\n"}
    files |= {"S_va.tsv": "0\t2\t-1\n", "S_te.tsv": "0\t3\t1\n1\t1\t-1\n"}
    for name, text in files.items():
        (place / name).write_text(text)
    return tmp_path


def test_chosen_ratings_train_and_drawn_ones_test(folder: Path) -> None:
    split = load_split({"name": "yahoo-r3", "split": {"name": "given"}}, folder, folder / "cache")
    rows = [
        sorted(zip(part.users.tolist(), part.items.tolist(), part.ratings.tolist(), strict=True))  # type: ignore[union-attr]
        for part in (split.train, split.valid, split.test)
    ]
    assert rows == [[(0, 0, 5), (0, 1, 5), (1, 0, 5), (1, 2, 1)], [(0, 2, 1)], [(0, 3, 5), (1, 1, 1)]]
    assert split.train.propensities is None


def test_propensities_by_naive_bayes(folder: Path) -> None:
    node = {"name": "yahoo-r3", "test": "biased", "split": {"name": "kfold", "folds": 2}}
    split = load_split(node, folder, folder / "cache")
    seen, pairs = {5: 3, 1: 1}, 15_400 * 1_000
    drawn = {5: 1 / 4, 1: 3 / 4}
    for part in (split.train, split.test):
        assert part.ratings is not None
        assert part.propensities is not None
        expected = [seen[rating] / pairs / drawn[rating] for rating in part.ratings.tolist()]
        assert part.propensities.tolist() == pytest.approx(expected)


@needs_data
def test_the_published_logs(tmp_path: Path) -> None:
    split = load_split({"name": "yahoo-r3", "split": {"name": "given"}}, data_root(), tmp_path)
    assert (split.n_users, split.n_items) == (15_400, 1_000)
    assert (len(split.train), len(split.valid), len(split.test)) == (311_704, 2_700, 48_600)
    assert set(split.report["sources"].values()) == {"ok"}
