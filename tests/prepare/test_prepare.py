"""From a configuration to a prepared split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rexp.data.types import PARTS
from rexp.errors import ConfigError, DataError
from rexp.prepare.prepare import load_split
from tests.prepare.small_source import HEADER, ROWS, directory_of, node, prepared_folders, same_content


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
