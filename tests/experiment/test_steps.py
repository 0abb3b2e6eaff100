"""A fit is done once for all that measures the same model, in parallel too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rexp.store.store import Store
from tests import warm

TRAINING = [
    "track=none",
    "measure.latency=false",
    "references=[]",
    "data=csv",
    "model=mf",
    "model.factors=4",
    "train.max_epochs=3",
]


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "rexp", *TRAINING, *arguments]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def rexp(*arguments: str, cwd: Path) -> str:
    done = warm.rexp(*TRAINING, *arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.slow
def test_what_measures_the_same_model_trains_it_once(table: Path, tmp_path: Path) -> None:
    data = f"data.path={table}"
    assert "epoch 3/3" in rexp(data, cwd=tmp_path)
    for measured in (["evaluate.k=[5,10]", "train.monitor=ndcg@10"], ["evaluate=two_stage", "retriever=flat"]):
        errors = rexp(data, *measured, cwd=tmp_path)
        assert "trained already" in errors
        assert "epoch 1/3" not in errors
    results = list(Store(tmp_path / "runs").runs())
    assert len(results) == 3
    assert len({result.weights["sha256"] for result in results}) == 1
    assert len({result.fit.get("taken_from") for result in results}) == 2


@pytest.mark.slow
def test_what_changes_the_weights_trains_again(table: Path, tmp_path: Path) -> None:
    data = f"data.path={table}"
    rexp(data, cwd=tmp_path)
    for other in ("seed=1", "train.lr=0.01", "train.select_epoch=last", "train.monitor=hr@10"):
        assert "trained already" not in rexp(data, other, cwd=tmp_path), other
    # The epoch is chosen by the first metric: another one may choose another.
    assert "trained already" not in rexp(data, "evaluate.k=[5]", cwd=tmp_path)
    assert "trained already" not in rexp(data, "evaluate.k=[5,10]", "force=true", cwd=tmp_path)


@pytest.mark.slow
def test_two_at_a_time_train_once(table: Path, tmp_path: Path) -> None:
    data = [f"data.path={table}", "train.monitor=ndcg@10", "train.max_epochs=200", "train.patience=0"]
    both = [start(*data, f"evaluate.k={k}", cwd=tmp_path) for k in ("[10]", "[5,10]")]
    errors = [process.communicate(timeout=300)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    assert sum("trained already" in text for text in errors) == 1


@pytest.mark.slow
def test_a_chain_of_runs_that_begin_alike_takes_the_fit_from_the_one_that_did_it(table: Path, tmp_path: Path) -> None:
    for bits in (8, 4, 2):
        last = rexp(f"data.path={table}", "compress=quantize", f"compress.stages.quant.bits={bits}", cwd=tmp_path)
    assert "trained already: fit is taken from run" in last
    results = list(Store(tmp_path / "runs").runs())
    trained = [result.run_id for result in results if "taken_from" not in result.steps[0]]
    assert len(trained) == 1
    assert {result.steps[0].get("taken_from", trained[0]) for result in results} == set(trained)


@pytest.mark.slow
def test_recipes_with_a_teacher_train_their_student_once(table: Path, tmp_path: Path) -> None:
    taught = [f"data.path={table}", "model@teacher=ease", "teacher.l2=10", "compress.finetune.max_epochs=2"]
    rexp(*taught, "compress=kd", cwd=tmp_path)
    taken = {
        "kd_prune": "fit+distill",
        "kd_prune_int4": "fit+distill, rotate",
        "factorize_kd_int4": "fit+distill",
    }
    for recipe, words in taken.items():
        errors = rexp(*taught, f"compress={recipe}", cwd=tmp_path)
        assert f"trained already: {words} is taken from run" in errors, recipe
    runs = {result.labels["compress"]: result for result in Store(tmp_path / "runs").runs() if result.config["teacher"]}
    student = runs.pop("kd")
    assert {result.steps[0]["taken_from"] for result in runs.values()} == {student.run_id}
    pruned = runs["kd_prune"]
    assert [report["epochs_run"] for report in pruned.steps if "epochs_run" in report] == [3, 2]
    assert pruned.steps[2]["before"]
    assert pruned.config["compress"]["stages"]["distill"] == student.config["compress"]["stages"]["distill"]
