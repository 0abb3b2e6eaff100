"""What a real run reports of its cost, and ``rexp measure``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rexp.__main__ import main
from rexp.errors import RunError
from rexp.experiment.measure_client import measure_run
from rexp.store.seal import sealed
from rexp.store.store import Store

if TYPE_CHECKING:
    from rexp.store.result import RunResult

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store(student_store: Path) -> Store:
    return Store(student_store)


@pytest.fixture(scope="module")
def student(store: Store) -> RunResult:
    (found,) = [result for result in store.runs() if result.config["teacher"]]
    return found


def test_sizes_are_those_of_the_file_and_its_tensors(store: Store, student: RunResult) -> None:
    cost = student.cost
    n_users, n_items = student.data["users"], student.data["items"]
    assert cost["weight_bytes"] == (store.directory(student.run_id) / "model.safetensors").stat().st_size
    assert cost["parameters"] == 4 * n_users + 5 * n_items
    assert cost["resident_bytes"] == 4 * cost["parameters"]
    assert cost["nominal_bytes"] == 4 * cost["nonzero"]
    assert (cost["multiply_adds_pair"], cost["multiply_adds_catalogue"]) == (4, 5 * n_items)


def test_every_run_is_timed_the_teacher_s_too(store: Store) -> None:
    results = list(store.runs())
    assert len(results) == 2
    for result in results:
        assert {f"score_{n}_p{share}_ms" for n in (1, 100) for share in (10, 50, 95)} <= set(result.cost)
        assert (result.content["measured"]["threads"], result.content["measured"]["repeats"]) == (1, 3)
        assert not any((store.directory(result.run_id)).glob(".*.tmp"))


def test_the_student_is_held_to_its_teacher(store: Store, student: RunResult) -> None:
    teacher = store.result(student.config["teacher"])
    metric = next(iter(student.metrics))
    gate = student.gate
    assert gate["share"] == student.metrics[metric] / teacher.metrics[metric]
    assert gate["pass99"] == (gate["share"] >= 0.99)
    assert f"% of its teacher's {metric}" in (store.root.parent / "log").read_text()
    assert teacher.gate == {}


def test_a_run_is_measured_again(store: Store, student: RunResult, capsys: pytest.CaptureFixture[str]) -> None:
    run = student.run_id
    before = (store.directory(run) / "manifest.json").read_bytes()
    assert main(["measure", run[:8], "--batches", "1,7", "--repeats", "3", "--store", str(store.root)]) == 0
    shown = capsys.readouterr().out
    assert f"{student.cost['weight_bytes']:,}" in shown
    assert "p95 ms" in shown
    after = store.result(run)
    assert {key.split("_")[1] for key in after.cost if key.startswith("score_")} == {"1", "7"}
    unchanged = {key for key in student.cost if not key.startswith("score_")}
    assert {key: after.cost[key] for key in unchanged} == {key: student.cost[key] for key in unchanged}
    assert {key: after.content[key] for key in ("metrics", "gate", "weights")} == {
        key: student.content[key] for key in ("metrics", "gate", "weights")
    }
    assert (store.directory(run) / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        (["--batches", "1,x"], 2, "--batches 1,x"),
        (["--repeats", "0"], 2, "--repeats"),
        (["--threads", "0"], 2, "--threads"),
    ],
)
def test_wrong_options_are_said(
    student: RunResult, store: Store, options: list[str], code: int, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["measure", student.run_id, "--store", str(store.root), *options]) == code
    assert word in capsys.readouterr().err


def test_a_run_that_cannot_be_measured_stays_as_it_is(store: Store, student: RunResult, tmp_path: Path) -> None:
    run = student.run_id
    copy = Store(tmp_path)
    result = json.loads((store.directory(run) / "result.json").read_text())
    result["data"]["fingerprint"] = "another"
    copy.directory(run).mkdir()
    (copy.directory(run) / "result.json").write_text(sealed(result))
    before = (copy.directory(run) / "result.json").read_bytes()
    with pytest.raises(RunError, match=r"could not be measured: .*other data"):
        measure_run(copy, run, None, store.root / ".data", candidates=[1], repeats=1)
    assert (copy.directory(run) / "result.json").read_bytes() == before
