"""From a configuration to a prepared split: the cache, what makes it stale, and what mends it."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from filelock import FileLock

from rexp.data.types import PARTS
from rexp.errors import ConfigError, DataError, StoreError
from rexp.io import content_hash
from rexp.prepare.cache import CorruptError, read_folder
from rexp.prepare.prepare import as_key, load_split, source_contents

if TYPE_CHECKING:
    from rexp.data.split import Split

ROWS = "".join(
    f"u{user},i{(user * step) % 7},{1 + (user + step) % 5},{100 * user + step}\n"
    for user in range(1, 6)
    for step in range(1, 7)
)
HEADER = "user_id,item_id,rating,timestamp\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "ratings.csv"
    path.write_text(HEADER + ROWS)
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def node(path: Path, **more: Any) -> dict[str, Any]:
    return {"name": "csv", "path": str(path), **more}


def prepared_folders(cache: Path) -> list[Path]:
    return sorted(path for path in cache.iterdir() if path.is_dir() and path.name != "hashes")


def directory_of(split: Split) -> Path:
    assert split.directory is not None
    return split.directory


def same_content(one: Split, other: Split) -> bool:
    def columns(split: Split) -> list[Any]:
        parts = (split.part(part) for part in PARTS)
        arrays = [array for part in parts for array in (part.users, part.items, part.ratings, part.times)]
        return [None if array is None else array.tolist() for array in arrays]

    return columns(one) == columns(other)


def test_a_split_holds_every_row_once(source: Path, cache: Path) -> None:
    split = load_split(node(source), None, cache)
    # One row a user is tested and one is for validation; five users have six rows each (item i0 never occurs).
    assert (len(split.train), len(split.valid), len(split.test)) == (20, 5, 5)
    assert (split.n_users, split.n_items) == (5, 6)
    assert split.user_ids().to_list() == ["u1", "u2", "u3", "u4", "u5"]
    ids = split.items_table()["item"]
    found = {
        (f"u{user + 1}", ids[int(item)], float(rating), int(time))
        for part in PARTS
        for rows in [split.part(part)]
        for user, item, rating, time in zip(rows.users, rows.items, rows.ratings, rows.times, strict=True)  # type: ignore[arg-type]
    }
    lines = (line.split(",") for line in ROWS.split())
    assert found == {(user, item, float(rating), int(time)) for user, item, rating, time in lines}
    # The last in time is the test row.
    assert split.test.times is not None
    assert split.test.times.tolist() == [106, 206, 306, 406, 506]


def test_a_second_load_reads_no_source(source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_split(node(source), None, cache)
    stamp = directory_of(first).stat().st_mtime_ns, (directory_of(first) / "split.json").stat().st_ino
    monkeypatch.setattr("rexp.datasets.csv.Files.read", lambda self: pytest.fail("read again"))
    second = load_split(node(source), None, cache)
    assert second.fingerprint == first.fingerprint
    assert same_content(first, second)
    assert (directory_of(second).stat().st_mtime_ns, (directory_of(second) / "split.json").stat().st_ino) == stamp
    assert len(prepared_folders(cache)) == 1


def test_a_split_that_another_process_made_meanwhile_is_taken(
    source: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_split(node(source), None, cache)
    folder, away = directory_of(first), tmp_path / "away"
    folder.rename(away)

    class LateLock(FileLock):
        """The other process is done while this one waits for the lock."""

        def acquire(self, *args: Any, **more: Any) -> Any:
            away.rename(folder)
            return super().acquire(*args, **more)

    monkeypatch.setattr("filelock.FileLock", LateLock)
    monkeypatch.setattr("rexp.datasets.csv.Files.read", lambda self: pytest.fail("read again"))
    assert load_split(node(source), None, cache).fingerprint == first.fingerprint


def test_arrays_are_memory_mapped_and_read_only(source: Path, cache: Path) -> None:
    for split in (load_split(node(source), None, cache), load_split(node(source), None, cache)):
        for part in (split.train, split.valid, split.test):
            for array in (part.users, part.items, part.ratings, part.times):
                assert isinstance(array, np.memmap)
                with pytest.raises(ValueError, match="read-only"):
                    array[0] = 0


def test_an_empty_part_survives_the_cache(source: Path, cache: Path) -> None:
    options = node(source, split={"name": "leave_last", "valid": 0})
    load_split(options, None, cache)
    again = load_split(options, None, cache)
    assert len(again.valid) == 0
    assert again.valid.users.dtype == np.int32


def truncate_array(folder: Path) -> None:
    path = folder / "train.items.npy"
    path.write_bytes(path.read_bytes()[:-4])


def flip_a_byte(folder: Path) -> None:
    path = folder / "test.items.npy"
    content = bytearray(path.read_bytes())
    content[-4] ^= 1
    path.write_bytes(content)


def flip_a_byte_of_a_table(folder: Path) -> None:
    path = folder / "items.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def edit_a_number(folder: Path) -> None:
    path = folder / "split.json"
    stored = json.loads(path.read_text())
    stored["content"]["n_items"] += 1
    path.write_text(json.dumps(stored))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "truncated array": truncate_array,
    "flipped byte": flip_a_byte,
    "flipped byte of a table": flip_a_byte_of_a_table,
    "array deleted": lambda folder: (folder / "train.users.npy").unlink(),
    "table deleted": lambda folder: (folder / "users.parquet").unlink(),
    "split.json deleted": lambda folder: (folder / "split.json").unlink(),
    "split.json empty": lambda folder: (folder / "split.json").write_text(""),
    "split.json garbage": lambda folder: (folder / "split.json").write_bytes(b"{\xff\x00 not json"),
    "split.json a list": lambda folder: (folder / "split.json").write_text("[1, 2]"),
    "split.json without content": lambda folder: (folder / "split.json").write_text('{"content": {}}'),
    "a number edited": edit_a_number,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_split_is_prepared_again(
    source: Path, cache: Path, damage: Callable[[Path], object], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    first = load_split(node(source), None, cache)
    # The mapped arrays would be damaged with the file: compare with a copy.
    whole = read_folder(shutil.copytree(directory_of(first), tmp_path / "copy"))
    damage(directory_of(first))
    with pytest.raises(CorruptError):
        read_folder(directory_of(first))
    with caplog.at_level(logging.WARNING):
        again = load_split(node(source), None, cache)
    assert caplog.text.count("prepared again") == 1
    assert again.fingerprint == whole.fingerprint
    assert same_content(again, whole)
    assert read_folder(directory_of(again)).fingerprint == whole.fingerprint
    assert prepared_folders(cache) == [directory_of(first)]


def test_a_split_in_use_outlives_its_replacement(source: Path, cache: Path) -> None:
    first = load_split(node(source), None, cache)
    items = first.train.items.tolist()
    (directory_of(first) / "split.json").unlink()
    load_split(node(source), None, cache)
    assert first.train.items.tolist() == items


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


def test_strict_shares_the_prepared_folder(source: Path, cache: Path) -> None:
    options = node(source, split={"name": "time_cut", "test": 0.2, "cold_users": "keep"})
    split = load_split(options, None, cache)
    names = [finding["name"] for finding in split.report["findings"]]
    assert "cold-test-users" in names
    for _ in range(2):
        with pytest.raises(DataError, match=r"data.strict=true refuses the split of 'csv': .*cold-test-users: 1 test"):
            load_split({**options, "strict": True}, None, cache)
    assert len(prepared_folders(cache)) == 1


def test_strict_accepts_a_clean_split(cache: Path, tmp_path: Path) -> None:
    clean = tmp_path / "clean.csv"
    # All of step 1 is earlier than all of step 2, and so on; every item has been trained on.
    clean.write_text(HEADER + "".join(f"{u},{(u + t) % 4},5,{100 * t + u}\n" for t in range(1, 5) for u in range(4)))
    options = node(clean, strict=True, split={"name": "leave_last", "valid": 0})
    assert load_split(options, None, cache).report["findings"] == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"formatt": "csv"}, r"data\.formatt is not an option here; did you mean 'format'\?"),
        ({"columns": {"usr": "a"}}, r"data\.columns\.usr is not an option here; did you mean 'user'\?"),
        ({"filter": {"user_kore": 5}}, r"data\.filter\.user_kore is not an option here; did you mean 'user_core'\?"),
        ({"split": {"name": "leave_last", "kk": 5}}, r"data\.split\.kk is not an option here; did you mean 'k'\?"),
        ({"split": {"name": "leave_lst"}}, r"no split is named 'leave_lst'; did you mean 'leave_last'\?"),
        ({"split": {"k": 1}}, r"data\.split has no name; choose data/split from cold, given, kfold, leave_last"),
        ({"split": "ratio"}, r"data\.split has no name; choose data/split from cold, given, kfold, leave_last"),
        ({"name": "cvs"}, r"no data is named 'cvs'; did you mean 'csv'\?"),
    ],
)
def test_unknown_options_are_refused_with_the_nearest_name(
    source: Path, cache: Path, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_split(node(source) | more, None, cache)
    # Nothing half made is left to be found the next time.
    assert not cache.exists() or not prepared_folders(cache)


def test_a_missing_source_is_named(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.csv is missing: no such file"):
        load_split(node(tmp_path / "nothing.csv"), None, cache)
    assert not cache.exists()


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


def test_a_damaged_memory_of_hashes_is_not_believed(source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_hash, "TICK", -1)
    key = as_key(source_contents(node(source), None, cache))
    (kept,) = (cache / "hashes").iterdir()
    whole = kept.read_bytes()
    for place in range(len(whole)):
        kept.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert as_key(source_contents(node(source), None, cache)) == key
        kept.write_bytes(whole[:place])
        assert as_key(source_contents(node(source), None, cache)) == key


def test_hashing_the_sources_imports_nothing_heavy(source: Path, cache: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from rexp.prepare.prepare import source_contents\n"
        f"cache = Path({str(cache)!r})\n"
        f"assert source_contents({node(source)!r}, None, cache)[0].name == 'ratings.csv'\n"
        "source_contents({'name': 'movietweetings', 'split': {'name': 'leave_last'}}, None, cache)\n"
        "print([name for name in ('torch', 'polars', 'lightning', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_the_report_counts_each_step(source: Path, cache: Path) -> None:
    source.write_text(HEADER + ROWS + "u1,i1,5,999\nu1,i1,5,998\n")
    report = load_split(node(source, filter={"min_rating": 2.0}), None, cache).report
    steps = {step["step"]: (step["rows_before"], step["rows_after"]) for step in report["filters"]}
    below = sum(line.split(",")[2] == "1" for line in ROWS.split())
    assert below
    assert steps == {"duplicates=first": (32, 30), "min_rating=2": (30, 30 - below)}
    assert report["time"] == "clock"
    assert report["sources"] == {"ratings.csv": "unpinned"}
    assert report["split"]["test_rows"] == 5


def test_a_cache_that_cannot_be_written_is_one_line(
    source: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write_text("a file")
    with pytest.raises(StoreError, match=r"cache cannot be written: .*; a file stands .* paths\.cache=FOLDER"):
        load_split(node(source), None, cache)
    cache.unlink()

    def full(*arguments: Any, **more: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(StoreError, match=r"cannot be written: No space left on device; make room on that disk, or"):
        load_split(node(source), None, cache)
    assert not list(cache.glob("*csv-*/"))
    monkeypatch.undo()
    monkeypatch.setattr(pl.DataFrame, "write_parquet", lambda frame, file: full())
    with pytest.raises(StoreError, match="No space left on device"):
        load_split(node(source), None, cache)
    monkeypatch.undo()
    assert load_split(node(source), None, cache).n_users == 5
