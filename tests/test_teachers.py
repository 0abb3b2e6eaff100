"""Teachers as runs: each trained once, refused where it cannot teach, and a model that teaches itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rexp.store.store import Store

COMMON = [
    *("track=none", "measure.latency=false", "beside=[]", "data=csv", "train.max_epochs=1"),
    *("teacher.fit.max_epochs=2", "teacher.factors=4", "model.factors=4"),
]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty users of two tastes over thirty items."""
    random = np.random.default_rng(0)
    rows = ["user,item,time"]
    for user in range(40):
        rows += [f"u{user},{item},{when}" for when, item in enumerate(random.permutation(15)[:9] + 15 * (user % 2))]
    path = tmp_path_factory.mktemp("data") / "mine.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def rexp(*arguments: str, cwd: Path, code: int = 0) -> str:
    process = start(*arguments, cwd=cwd)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == code, errors
    return errors


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "rexp", *arguments, *COMMON]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_teacher_without_vectors_is_refused_before_it_is_trained(table: Path, tmp_path: Path) -> None:
    process = start(f"data.path={table}", "model=mf", "model@teacher=ncf", "compress=de", cwd=tmp_path)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 2, errors
    assert "teacher=ncf has none" in errors
    assert not list(Store(tmp_path / "runs").runs())


@pytest.mark.slow
def test_a_sweep_in_two_processes_trains_each_teacher_once(table: Path, tmp_path: Path) -> None:
    sweep = ["-m", f"data.path={table}", "model=mf", "model@teacher=mf,lightgcn", "compress=none,kd"]
    both = [start(*sweep, f"seed={seeds}", cwd=tmp_path) for seeds in ("1,2", "2,3")]
    said = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], said[0][1] + said[1][1]
    results = list(Store(tmp_path / "runs").runs())
    students = [result for result in results if result["config"]["teacher"]]
    assert len(students) == 2 * 3
    assert {result["teacher"]["name"] for result in students} == {"mf", "lightgcn"}
    assert len({result["config"]["teacher"] for result in students}) == 2
    assert len(results) == 6 + 2 + 3  # students; teachers; the plain model, one a seed, under whatever teacher
    trained = [result["run_id"] for result in results if "taken_from" not in result["steps"][0]]
    assert sum(said[0][1].count(f"run {run}: ") + said[1][1].count(f"run {run}: ") for run in trained) >= len(trained)


@pytest.mark.slow
def test_a_model_teaches_itself_between_its_fits(table: Path, tmp_path: Path) -> None:
    own = [f"data.path={table}", "model=mf", "compress=kd", "teacher.from=self"]
    errors = rexp(*own, cwd=tmp_path, code=2)
    assert "no earlier state" in errors
    rexp(*own, "compress.order=[fit,[finetune,distill]]", "compress.finetune.max_epochs=2", cwd=tmp_path)
    (taught,) = Store(tmp_path / "runs").runs()
    assert taught["config"]["teacher"] == "self"
    assert "gate" not in taught
    assert not (tmp_path / "runs" / taught["run_id"] / "checkpoints").exists()
    # The same steps without it end elsewhere.
    plain = ["compress=none", "compress.order=[fit,finetune]", "compress.finetune.max_epochs=2"]
    errors = rexp("-m", f"data.path={table}", "model=mf", *plain, "model@teacher=mf", cwd=tmp_path)
    assert "trained already: fit is taken from" in errors
    weights = {result["weights"]["sha256"] for result in Store(tmp_path / "runs").runs()}
    assert len(weights) == 2


@pytest.mark.slow
def test_what_was_compressed_does_not_teach(table: Path, tmp_path: Path) -> None:
    common = [f"data.path={table}", "model=mf", "model@teacher=mf"]
    rexp("-m", *common, "compress=quantize", cwd=tmp_path)
    (small,) = Store(tmp_path / "runs").runs()
    errors = rexp(*common, "compress=kd", f"teacher.from={small['run_id']}", cwd=tmp_path, code=2)
    assert "learn from the dense model" in errors
