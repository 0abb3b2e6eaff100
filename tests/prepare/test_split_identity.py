"""What makes another prepared split, and what does not."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rexp.errors import DataError
from rexp.io import content_hash
from rexp.prepare.prepare import load_split
from rexp.prepare.sources import as_key, source_contents
from tests.prepare.small_source import HEADER, ROWS, directory_of, node, prepared_folders


def test_a_changed_source_makes_another_split(source: Path, cache: Path) -> None:
    first = load_split(node(source), None, cache)
    source.write_text(HEADER + ROWS + "u9,i1,5,1\n")
    second = load_split(node(source), None, cache)
    assert second.n_users == first.n_users + 1
    assert second.fingerprint != first.fingerprint
    assert directory_of(second) != directory_of(first)


def test_another_time_of_change_alone_is_the_same_split(source: Path, cache: Path) -> None:
    first = load_split(node(source), None, cache)
    os.utime(source, ns=(5, 5))
    assert directory_of(load_split(node(source), None, cache)) == directory_of(first)


def test_the_same_content_in_another_file_has_the_same_fingerprint(source: Path, cache: Path, tmp_path: Path) -> None:
    csv = load_split(node(source), None, cache)
    parquet = tmp_path / "elsewhere.parquet"
    pl.read_csv(source).write_parquet(parquet)
    tabs = tmp_path / "elsewhere.tsv"
    tabs.write_text(source.read_text().replace(",", "\t"))
    for path in (parquet, tabs):
        other = load_split(node(path), None, cache)
        assert directory_of(other) != directory_of(csv)
        assert other.fingerprint == csv.fingerprint


@pytest.mark.parametrize(
    ("old", "new"),
    [("u1,i1,", "u1,i2,"), ("u2,i2,4,", "u2,i2,5,"), ("u5", "u6"), ("u1,i1,3,101", "u1,i1,3,102"), ("i6", "j6")],
    ids=["an item", "a rating", "a user's own id", "a time", "an item's own id"],
)
def test_changed_content_has_another_fingerprint(source: Path, cache: Path, tmp_path: Path, old: str, new: str) -> None:
    first = load_split(node(source, filter={"duplicates": "keep"}), None, cache)
    text = source.read_text()
    assert old in text
    other = tmp_path / "other.csv"
    other.write_text(text.replace(old, new))
    assert load_split(node(other, filter={"duplicates": "keep"}), None, cache).fingerprint != first.fingerprint


def test_the_splitter_and_the_filter_change_the_fingerprint(source: Path, cache: Path) -> None:
    nodes = [
        node(source),
        node(source, split={"name": "leave_last", "k": 2}),
        node(source, split={"name": "ratio", "train": 0.5, "valid": 0.2, "test": 0.3, "seed": 1}),
        node(source, split={"name": "ratio", "train": 0.5, "valid": 0.2, "test": 0.3, "seed": 2}),
        node(source, filter={"min_rating": 2.0}),
    ]
    splits = [load_split(each, None, cache) for each in nodes]
    assert len({split.fingerprint for split in splits}) == len(nodes)
    assert len(prepared_folders(cache)) == len(nodes)


def test_the_key_is_name_and_content(source: Path, cache: Path) -> None:
    expected = [("ratings.csv", hashlib.sha256((HEADER + ROWS).encode()).hexdigest())]
    assert as_key(source_contents(node(source), None, cache)) == expected


@pytest.mark.parametrize("waited", [False, True], ids=["at once", "after its hash was kept"])
def test_another_content_under_the_same_name_size_and_time_is_another_split(
    source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, waited: bool
) -> None:
    if waited:  # long enough that the file system's clock has moved on
        monkeypatch.setattr(content_hash, "TICK", -1)
    os.utime(source, ns=(5, 7_000_000_123))
    first = load_split(node(source), None, cache)
    load_split(node(source), None, cache)
    assert waited == (cache / "hashes").is_dir()
    other = (HEADER + ROWS.replace("i1", "i9")).encode()
    time.sleep(0.02)
    source.write_bytes(other)
    os.utime(source, ns=(5, 7_000_000_123))
    second = load_split(node(source), None, cache)
    assert second.fingerprint != first.fingerprint
    assert [file.facts() for file in second.sources] == [
        {"path": str(source), "bytes": len(other), "sha256": hashlib.sha256(other).hexdigest()}
    ]


def test_the_same_content_elsewhere_is_the_same_split(source: Path, cache: Path, tmp_path: Path) -> None:
    first = load_split(node(source), None, cache)
    copy = tmp_path / "other" / "ratings.csv"
    copy.parent.mkdir()
    shutil.copyfile(source, copy)
    second = load_split(node(copy), None, cache)
    assert second.fingerprint == first.fingerprint
    assert second.sources[0].path == str(copy)


def test_a_relative_path_is_what_it_names_here(
    source: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    for name, rows in (("one", ROWS), ("two", ROWS.replace("i1", "i9"))):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "a.csv").write_text(HEADER + rows)
        os.utime(folder / "a.csv", ns=(5, 5))
        monkeypatch.chdir(folder)
        seen.append(load_split({"name": "csv", "path": "a.csv"}, None, cache).fingerprint)
    assert seen[0] != seen[1]


def test_a_file_that_changes_while_it_is_read_is_refused(
    source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rexp.datasets.csv import Files

    read = Files.read

    def meanwhile(self: Files) -> Any:
        raw = read(self)
        source.write_text(HEADER + ROWS.replace("i1", "i9"))
        return raw

    monkeypatch.setattr(Files, "read", meanwhile)
    with pytest.raises(DataError, match=r"ratings\.csv changed while it was read; run the command again"):
        load_split(node(source), None, cache)
    assert not list(cache.glob("csv-*/split.json"))


def test_hashing_the_sources_imports_nothing_heavy(source: Path, cache: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from rexp.prepare.sources import source_contents\n"
        f"cache = Path({str(cache)!r})\n"
        f"assert source_contents({node(source)!r}, None, cache)[0].name == 'ratings.csv'\n"
        "source_contents({'name': 'movietweetings', 'split': {'name': 'leave_last'}}, None, cache)\n"
        "print([name for name in ('torch', 'numpy', 'polars', 'lightning', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
