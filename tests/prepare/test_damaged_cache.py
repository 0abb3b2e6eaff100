"""What mends the cache of prepared splits, and what it cannot."""

from __future__ import annotations

import errno
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from filelock import FileLock

from rexp.errors import StoreError
from rexp.io import content_hash
from rexp.prepare.cache import CorruptError, read_folder
from rexp.prepare.prepare import load_split
from rexp.prepare.sources import as_key, source_contents
from tests.prepare.small_source import directory_of, node, prepared_folders, same_content


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
