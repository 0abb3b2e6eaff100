"""The index answers as the results do, whatever became of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rexp.store import index
from rexp.store.seal import sealed
from rexp.store.store import Store


def result(run: str, value: float) -> dict[str, Any]:
    return {
        "run_id": run,
        "status": "done",
        "seed": 1,
        "labels": {"model": "mf", "data": "csv"},
        "config": {"seed": 1, "model": {"name": "mf"}, "teacher": None, "compress": {"order": ["fit"]}},
        "data": {"name": "csv", "fingerprint": "f00d", "report": {"long": [1] * 50}},
        "facts": {"protocol_id": "p", "by_popularity": {"cold": 1}},
        "metrics": {"ndcg@10": value},
        "fit": {"curve": [1] * 50},
        "manifest": {"bytes": 1, "sha256": "0"},
    }


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(index, "TICK", -1)
    for number in range(5):
        add(tmp_path / "runs", f"{number:012x}", number / 10)
    return Store(tmp_path / "runs")


def add(root: Path, run: str, value: float) -> None:
    (root / run).mkdir(parents=True, exist_ok=True)
    (root / run / "result.json").write_text(sealed(result(run, value)))


def values(store: Store) -> dict[str, float]:
    """By run, from the summaries; briefs and whole results must say the same."""
    found = {one.run_id: one.metrics["ndcg@10"] for one in store.summaries()}
    assert {one.run_id: one.metrics["ndcg@10"] for one in store.briefs()} == found
    assert {one.run_id: one.metrics["ndcg@10"] for one in store.runs()} == found
    return found


EXPECTED = {f"{number:012x}": number / 10 for number in range(5)}


def test_it_is_read_in_the_place_of_results(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert values(store) == EXPECTED
    monkeypatch.setattr(Store, "_read", lambda *a, **k: pytest.fail("a result was read"))
    assert {one.run_id: one.metrics["ndcg@10"] for one in store.summaries()} == EXPECTED
    (one, *_) = store.summaries()
    assert "fit" not in one.content
    assert "report" not in one.data
    assert "by_popularity" not in one.facts


def test_what_is_new_changed_gone_or_damaged_is_noticed(store: Store) -> None:
    values(store)
    add(store.root, "00000000000a", 0.9)
    add(store.root, "000000000001", 0.8)
    shutil.rmtree(store.root / "000000000002")
    (store.root / "000000000003" / "result.json").write_text("{")
    expected = {"000000000000": 0.0, "000000000001": 0.8, "000000000004": 0.4, "00000000000a": 0.9}
    assert values(store) == expected
    assert store.damaged.keys() == {"000000000003"}
    assert values(Store(store.root)) == expected


def test_a_number_that_was_edited_is_not_shown(store: Store) -> None:
    path = store.root / "000000000001" / "result.json"
    path.write_text(path.read_text().replace("0.1", "0.7"))
    assert values(store).keys() == EXPECTED.keys() - {"000000000001"}
    assert "does not fit the hash of its content" in store.damaged["000000000001"]


@pytest.mark.parametrize("part", ["briefs", "summaries"])
def test_a_damaged_index_says_nothing_wrong(store: Store, part: str) -> None:
    values(store)
    file = store.root / ".index" / part
    whole = file.read_bytes()
    for place in range(0, len(whole), 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert values(store) == EXPECTED
        file.write_bytes(whole[:place])
        assert values(store) == EXPECTED


def test_a_store_that_was_moved_is_read_again(store: Store, tmp_path: Path) -> None:
    values(store)
    store.root.rename(tmp_path / "moved")
    assert index.load(tmp_path / "moved", "briefs") == {}
    assert values(Store(tmp_path / "moved")) == EXPECTED


def test_a_young_result_is_not_known_by_its_stamp(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "TICK", 10**15)
    assert values(store) == EXPECTED
    assert not (store.root / ".index").exists()


def test_an_index_that_cannot_be_written_is_done_without(store: Store) -> None:
    store.root.joinpath(".index").write_text("a file")
    assert values(store) == EXPECTED


def test_results_of_earlier_versions_are_taken_as_they_are(store: Store) -> None:
    old = {key: value for key, value in result("00000000000b", 0.5).items() if key != "manifest"}
    (store.root / "00000000000b").mkdir()
    (store.root / "00000000000b" / "result.json").write_text(json.dumps(old))
    assert values(store)["00000000000b"] == 0.5
