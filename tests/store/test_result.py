"""Stored results as records: their parts, what follows from them, and those of earlier versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rexp.errors import StoreError
from rexp.report.tables import make_tables
from rexp.store import index
from rexp.store.result import RunResult, earlier_key
from rexp.store.seal import sealed
from rexp.store.store import Store

CONFIG = {
    "seed": 3,
    "data": {"name": "csv", "path": "there/mine.csv"},
    "model": {"name": "mf", "factors": 8},
    "init_from": None,
    "fit": {"lr": 0.1, "validate_on": "valid", "validate_every": 1, "select_epoch": "best"},
    "teacher": None,
    "compress": {"order": ["fit"], "stages": {}},
}
CONTENT: dict[str, Any] = {
    "status": "done",
    "run_id": "0123456789ab",
    "finished": "2026-01-02T03:04:05+00:00",
    "seed": 3,
    "labels": {"data": "csv", "model": "big_mf", "compress": "none"},
    "config": CONFIG,
    "data": {"name": "csv", "fingerprint": "f00d", "users": 9, "items": 7},
    "metrics": {"ndcg@10": 0.25, "auc": None},
    "facts": {"protocol": "full", "protocol_id": "aaaa"},
    "cost": {"parameters": 128},
    "fit": {"selected": "best epoch 2"},
    "steps": [{"step": "fit"}],
    "parts": {},
    "weights": {"file": "model.safetensors"},
    "capabilities": ["scores"],
}
RESULT = RunResult(CONTENT)


def other(**parts: Any) -> RunResult:
    return RunResult({**CONTENT, "run_id": "other", **parts})


def with_config(**keys: Any) -> RunResult:
    return other(config={**CONFIG, **keys})


def test_each_part_is_read_by_its_name() -> None:
    assert (RESULT.run_id, RESULT.seed, RESULT.finished) == ("0123456789ab", 3, "2026-01-02T03:04:05+00:00")
    assert (RESULT.model_name, RESULT.model_label) == ("mf", "big_mf")
    assert (RESULT.fingerprint, RESULT.protocol_id, RESULT.first_metric) == ("f00d", "aaaa", "ndcg@10")
    assert RESULT.data_name == "csv mine.csv", "files of one's own are told apart by their names"
    assert (RESULT.gate, RESULT.teacher, RESULT.control, RESULT.found, RESULT.side_files) == ({}, {}, {}, {}, {})
    assert other(metrics={}).first_metric is None
    assert other(labels={}).model_label == "mf"


def test_results_compare_on_the_same_data_under_the_same_rules() -> None:
    assert RESULT.comparable_with(other())
    assert not RESULT.comparable_with(other(data={**CONTENT["data"], "fingerprint": "beef"}))
    assert not RESULT.comparable_with(other(facts={"protocol": "full", "protocol_id": "bbbb"}))


def test_the_seed_alone_is_no_part_of_a_configuration() -> None:
    assert with_config(seed=4).configuration == RESULT.configuration
    assert with_config(model={"name": "mf", "factors": 16}).configuration != RESULT.configuration


def test_a_control_is_the_same_fit_without_a_teacher() -> None:
    student = with_config(teacher="1f0c", compress={"order": [["fit", "kd"]], "stages": {"kd": {}}})
    assert student.teacher_runs == ["1f0c"]
    assert RESULT.is_control_of(student)
    assert not student.is_control_of(RESULT)
    for keys in ({"seed": 4}, {"fit": {"lr": 9}}, {"model": {"name": "mf", "factors": 16}}):
        assert not with_config(**keys).is_control_of(student)
    assert not other(facts={}).is_control_of(student)


@pytest.mark.parametrize("part", ["fit", "steps", "parts", "weights", "capabilities"])
def test_what_summaries_and_briefs_leave_out_is_no_empty_part(part: str) -> None:
    for taken in (index.summary(CONTENT), index.brief(CONTENT)):
        with pytest.raises(KeyError, match=part):
            getattr(RunResult(taken), part)
    assert getattr(RESULT, part) == CONTENT[part]


def test_a_brief_has_what_compares() -> None:
    brief = RunResult(json.loads(json.dumps(index.brief(CONTENT))))
    assert (brief.seed, brief.model_config, brief.compress_order) == (3, CONFIG["model"], ["fit"])
    assert brief.comparable_with(RESULT)
    assert RunResult(index.summary(CONTENT)).configuration == RESULT.configuration


EARLIER = [
    ("from", {**{key: node for key, node in CONFIG.items() if key != "init_from"}, "from": None}),
    ("fit.every", {**CONFIG, "fit": {"lr": 0.1, "watch": "valid", "every": 1, "select": "best"}}),
]


@pytest.mark.parametrize(("key", "config"), EARLIER)
def test_a_run_of_an_earlier_version_is_named_and_never_half_read(
    key: str, config: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for content in (CONTENT, {**CONTENT, "run_id": "00000000000e", "config": config}):
        (tmp_path / content["run_id"]).mkdir()
        (tmp_path / content["run_id"] / "result.json").write_text(sealed(content))
    assert earlier_key({"config": config}) == key
    store = Store(tmp_path)
    line = rf"^run 00000000000e was made by an earlier version of rexp .*'{key}'.*run its command again$"
    with pytest.raises(StoreError, match=line):
        store.result("00000000000e")
    assert store.status("00000000000e") == "interrupted"
    for read in (store.runs, store.summaries, store.briefs):
        assert [result.run_id for result in read()] == ["0123456789ab"]
    assert capsys.readouterr().err.count("earlier version of rexp") == 1, "said once"
    assert "00000000000e" in store.damaged


def test_an_index_of_an_earlier_version_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "TICK", -1)
    store = Store(tmp_path)
    directory = tmp_path / "00000000000e"
    directory.mkdir()
    content = {**CONTENT, "run_id": directory.name, "config": EARLIER[0][1]}
    (directory / "result.json").write_text(sealed(content))
    monkeypatch.setattr(index, "HEADER", "rexp index 1")
    index.add(tmp_path, [(str(index.stamp_of(str(directory / "result.json"))), content)])
    assert len(index.load(tmp_path, "summaries")) == 1
    monkeypatch.undo()
    monkeypatch.setattr(index, "TICK", -1)
    assert list(store.summaries()) == []


def test_amended_parts_are_read_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.begin("aa", CONFIG, {})
    store.commit("aa", {key: value for key, value in CONTENT.items() if key != "run_id"})
    assert store.amend("aa", cost={"parameters": 5}).cost == {"parameters": 5}
    assert store.result("aa").metrics == CONTENT["metrics"]
    (table,) = make_tables(list(store.summaries()))
    assert table.rows[0].cells["parameters"].mean == 5
