"""Teachers as runs: each trained once, refused where it cannot teach, and a model that teaches itself."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from rexp.store.store import Store
from tests import warm

COMMON = [
    *("track=none", "measure.latency=false", "references=[]", "data=csv", "train.max_epochs=1"),
    *("teacher.fit.max_epochs=2", "teacher.factors=4", "model.factors=4"),
]


def rexp(*arguments: str, cwd: Path, code: int = 0) -> str:
    done = warm.rexp(*_ordered(arguments), cwd=cwd)
    assert done.returncode == code, done.stderr
    return done.stderr


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "rexp", *_ordered(arguments)]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _ordered(arguments: Sequence[str]) -> list[str]:
    sweep = [argument for argument in arguments if argument == "-m"]  # which Hydra wants in front
    rest = [argument for argument in arguments if argument != "-m"]  # behind what is common: the later value counts
    return [*sweep, *COMMON, *rest]


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
    students = [result for result in results if result.config["teacher"]]
    assert len(students) == 2 * 3
    assert {result.teacher["name"] for result in students} == {"mf", "lightgcn"}
    assert len({result.config["teacher"] for result in students}) == 2
    assert len(results) == 6 + 2 + 3  # students; teachers; the plain model, one a seed, under whatever teacher
    trained = [result.run_id for result in results if "taken_from" not in result.steps[0]]
    assert sum(said[0][1].count(f"run {run}: ") + said[1][1].count(f"run {run}: ") for run in trained) >= len(trained)


@pytest.mark.slow
def test_a_model_teaches_itself_between_its_fits(table: Path, tmp_path: Path) -> None:
    own = [f"data.path={table}", "model=mf", "model@teacher=mf", "compress=kd", "teacher.from=self"]
    errors = rexp(*own, cwd=tmp_path, code=2)
    assert "no earlier state" in errors
    # The last epoch, for the state before it may be the better one.
    last = ["compress.finetune.max_epochs=2", "+compress.finetune.select_epoch=last", "+compress.finetune.patience=0"]
    rexp(*own, "compress.order=[fit,[finetune,distill]]", *last, cwd=tmp_path)
    (taught,) = Store(tmp_path / "runs").runs()
    assert taught.config["teacher"] == "self"
    assert taught.gate == {}
    assert not (tmp_path / "runs" / taught.run_id / "checkpoints").exists()
    # The same steps without it end elsewhere.
    plain = ["compress=none", "compress.order=[fit,finetune]", *last]
    errors = rexp("-m", f"data.path={table}", "model=mf", *plain, "model@teacher=mf", cwd=tmp_path)
    assert "trained already: fit is taken from" in errors
    weights = {result.weights["sha256"] for result in Store(tmp_path / "runs").runs()}
    assert len(weights) == 2


@pytest.mark.slow
def test_a_teacher_of_another_fold_does_not_teach(table: Path, tmp_path: Path) -> None:
    folds = [f"data.path={table}", "data/split=kfold", "model=mf", "model@teacher=mf"]
    rexp("-m", *folds, "data.split.fold=1", cwd=tmp_path)
    (teacher,) = Store(tmp_path / "runs").runs()
    errors = rexp(*folds, "compress=kd", f"teacher.from={teacher.run_id}", cwd=tmp_path, code=2)
    assert "was trained on another fold (data.split.fold=1), whose training rows are tested here" in errors


@pytest.mark.slow
def test_what_was_compressed_does_not_teach(table: Path, tmp_path: Path) -> None:
    common = [f"data.path={table}", "model=mf", "model@teacher=mf"]
    rexp("-m", *common, "compress=quantize", cwd=tmp_path)
    (small,) = Store(tmp_path / "runs").runs()
    errors = rexp(*common, "compress=kd", f"teacher.from={small.run_id}", cwd=tmp_path, code=2)
    assert "learn from the dense model" in errors


@pytest.mark.slow
def test_a_student_that_begins_as_its_teacher_did_is_told(table: Path, tmp_path: Path) -> None:
    pair = ["-m", f"data.path={table}", "model=mf", "model@teacher=mf", "compress=kd"]
    assert rexp(*pair, "seed=0,1", cwd=tmp_path).count("begins with the weights that it began with") == 1
    assert "begins with" not in rexp(*pair, "seed=0", "+teacher.seed=1", cwd=tmp_path)


@pytest.mark.slow
def test_two_teachers_teach_together_by_their_weights(table: Path, tmp_path: Path) -> None:
    both = [f"data.path={table}", "model=mf", "compress=kd", "model@teacher=mf", "+model@teachers.graph=lightgcn"]
    rexp("-m", *both, "+teachers.graph.weight=1,3", cwd=tmp_path)
    results = list(Store(tmp_path / "runs").runs())
    students = [result for result in results if result.config["teacher"]]
    assert len(results) == 4, "two teachers, trained once for both students"
    assert [sorted(result.config["teacher"].values()) for result in students] in (
        [[0.5, 0.5], [0.25, 0.75]],
        [[0.25, 0.75], [0.5, 0.5]],
    )
    assert {result.teacher["name"] for result in students} == {"mf+lightgcn"}
    assert len({result.weights["sha256"] for result in students}) == 2
    assert {result.config["ensemble"] for result in students} == {"standardized"}
    # Doubled weights are the same shares, and the same run.
    errors = rexp(*both, "+teachers.graph.weight=2", "+teacher.weight=2", cwd=tmp_path)
    assert "is done already" in errors
    errors = rexp(*both, "+teachers.graph.weight=0", cwd=tmp_path, code=2)
    assert "teachers.graph.weight=0 must be a number above 0" in errors
    twice = [f"data.path={table}", "model=mf", "compress=kd", "model@teacher=mf", "+model@teachers.same=mf"]
    errors = rexp(*twice, "teachers.same.factors=4", "teachers.same.fit.max_epochs=2", cwd=tmp_path, code=2)
    assert "one and the same" in errors
    errors = rexp(*both, "+teachers.graph.weight=1", "ensemble=by_user", cwd=tmp_path)
    assert "is done already" not in errors.splitlines()[-1]
    (other,) = (result for result in Store(tmp_path / "runs").runs() if result.config.get("ensemble") == "by_user")
    assert other.weights["sha256"] not in {result.weights["sha256"] for result in students}
    rexp(*both, "compress=fitnet", cwd=tmp_path)
    (vectors,) = (result for result in Store(tmp_path / "runs").runs() if "fitnet" in str(result.config["compress"]))
    assert "ensemble" not in vectors.config, "vectors side by side, whose dot products are the mean of the logits"
    errors = rexp(*both, "ensemble=by_item", cwd=tmp_path, code=2)
    assert "ensemble=by_item: there is no such way; did you mean" in errors
    errors = rexp(*both, "compress=fitnet", "ensemble=by_user", cwd=tmp_path, code=2)
    assert "compares vectors of users and items, and ensemble=by_user has scores alone" in errors


@pytest.mark.slow
def test_a_teacher_learns_beside_its_student_and_has_no_run(table: Path, tmp_path: Path) -> None:
    online = [f"data.path={table}", "model=mf", "compress=bd"]
    rexp(*online, "train.max_epochs=3", "compress.stages.distill.every=2", cwd=tmp_path)
    (taught,) = Store(tmp_path / "runs").runs()
    assert taught.config["teacher"]["online"]["name"] == "mf"
    assert taught.teacher == {"run_id": "online", "name": "mf"}
    assert taught.cost["parameters"] < 1000, "of the student alone"
    # It may begin where a finished run ended.
    rexp("-m", f"data.path={table}", "model=mf", "model.factors=8", "model@teacher=mf", cwd=tmp_path)
    warm = next(run for run in Store(tmp_path / "runs").runs() if not run.config["teacher"])
    rexp(*online, f"teacher.from={warm.run_id}", cwd=tmp_path)
    again = [run for run in Store(tmp_path / "runs").runs() if run.config["teacher"]]
    assert any(run.config["teacher"]["online"]["from"] == warm.run_id for run in again)
    errors = rexp(*online, "+model@teachers.other=mf", cwd=tmp_path, code=2)
    assert "one teacher that learns beside it" in errors


@pytest.mark.slow
def test_killed_while_the_teacher_trains_and_started_again(table: Path, tmp_path: Path) -> None:
    long = [f"data.path={table}", "model=mf", "model@teacher=mf", "compress=kd", "teacher.fit.patience=0"]
    long += ["teacher.fit.max_epochs=400", "train.progress=none"]
    process = subprocess.Popen(
        [sys.executable, "-m", "rexp", *COMMON, *long], cwd=tmp_path, stderr=subprocess.DEVNULL, start_new_session=True
    )
    store, deadline = tmp_path / "runs", time.monotonic() + 120
    while not (begun := list(store.glob("*/metrics.jsonl"))) or len(begun[0].read_text().splitlines()) < 3:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not list(Store(store).runs())
    killed_at = len(begun[0].read_text().splitlines())
    assert killed_at < 400
    rexp(*long, cwd=tmp_path)
    disturbed = {run.labels["compress"]: run for run in Store(store).runs()}
    assert set(disturbed) == {"none", "kd"}, "the teacher and its student"
    assert len(begun[0].read_text().splitlines()) == 400, "it went on where it was"
    calm = tmp_path / "calm"
    calm.mkdir()
    rexp(*long, cwd=calm)
    for run in Store(calm / "runs").runs():
        assert run.weights["sha256"] == disturbed[run.labels["compress"]].weights["sha256"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("student", "teacher", "recipe"),
    [("mf", "lightgcn", "ftd"), ("mf", "ncf", "kd"), ("two_tower", "sasrec", "kd")],
)
def test_a_student_of_another_kind_than_its_teacher(
    table: Path, tmp_path: Path, student: str, teacher: str, recipe: str
) -> None:
    common = ["track=none", "measure.latency=false", "references=[]", "data=csv", f"data.path={table}"]
    pair = [f"model={student}", f"model@teacher={teacher}", "train.max_epochs=2", "teacher.fit.max_epochs=2"]
    done = warm.rexp(*common, *pair, f"compress={recipe}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (taught,) = (result for result in Store(tmp_path / "runs").runs() if result.config["teacher"])
    assert taught.teacher["name"] == teacher
    assert teacher in done.stdout, "its row stands beside the student's"


BARE = ["track=none", "measure.latency=false", "references=[]", "data=csv"]
SHORT = ["model=mf", "model.factors=4", "train.max_epochs=1"]


def bare(*arguments: str, cwd: Path, code: int = 0) -> str:
    """What a job says whose teacher takes no options of a trained model."""
    done = warm.rexp(*BARE, *arguments, cwd=cwd)
    assert done.returncode == code, done.stderr
    return done.stderr


@pytest.mark.slow
def test_a_weak_teacher_is_told_before_its_student_is_trained(table: Path, tmp_path: Path) -> None:
    pair = [f"data.path={table}", *SHORT, "model@teacher=pop", "compress=kd"]
    store = Store(tmp_path / "runs")
    told = bare(*pair, "seed=5", cwd=tmp_path)
    assert " of ease; what it teaches" in told, "no run of it is in the store"
    assert told.count("is weak") == 1, "said once, whatever the store has no run of"
    assert "not compared" not in told
    bare(f"data.path={table}", "model=ease", cwd=tmp_path)
    errors = bare(*pair, "teacher.on_weak=stop", cwd=tmp_path, code=2)
    assert "teacher pop (run " in errors
    assert "is weak: its ndcg@10 of " in errors
    assert "on the validation part does not beat the" in errors
    assert len(list(store.runs())) == 3, "a student of another seed, the teacher, and its rival"
    errors = bare(*pair, "teacher.on_weak=warn", cwd=tmp_path)
    assert errors.count("is weak") == 1, "before and after, by the same values"
    assert errors.index("is weak") < errors.index("model=mf compress=kd seed=0")
    assert "is done already" in bare(*pair, cwd=tmp_path), "the check is no part of what a run is"
    kept = [set(next(iter(run.valid.values()))) for run in store.runs() if run.valid]
    assert len(kept) == 2
    assert all("ndcg@10" in metrics for metrics in kept)

    (rival,) = (run for run in store.runs() if run.model_name == "ease")
    store.amend(rival.run_id, valid={})
    (store.directory(rival.run_id) / "model.safetensors").unlink()
    errors = bare(*pair, "seed=7", cwd=tmp_path)
    assert f"not compared with the run {rival.run_id}" in errors


@pytest.mark.slow
def test_a_teacher_of_another_split_is_refused_before_anything_begins(table: Path, tmp_path: Path) -> None:
    bare(f"data.path={table}", "model=ease", "data.split.k=2", cwd=tmp_path)
    (other,) = Store(tmp_path / "runs").runs()
    student = [f"data.path={table}", *SHORT, "compress=kd"]
    errors = bare(*student, f"teacher.from={other.run_id}", cwd=tmp_path, code=2)
    assert f"teacher.from={other.run_id} was trained on other data" in errors
    assert "no run 'abcd'" in bare(*student, "teacher.from=abcd", cwd=tmp_path, code=1)
    assert len(list(Store(tmp_path / "runs").runs())) == 1


@pytest.mark.slow
def test_a_teacher_too_large_is_refused_before_it_is_fitted(table: Path, tmp_path: Path) -> None:
    student = [f"data.path={table}", *SHORT, "compress=kd", "teacher.max_bytes=1000"]
    errors = bare(*student, cwd=tmp_path, code=2)
    assert "ease needs 0.0 GiB for 30 items" in errors
    assert "model@teacher=NAME" in errors
    assert not list(Store(tmp_path / "runs").runs())


@pytest.mark.slow
def test_a_student_of_seconds(table: Path, tmp_path: Path) -> None:
    student = [f"data.path={table}", "model=mf", "model.factors=4", "compress=svd_of_teacher"]
    bare(*student, cwd=tmp_path)
    first = {run.labels["compress"]: run for run in Store(tmp_path / "runs").runs()}
    assert set(first) == {"none", "svd_of_teacher"}
    assert first["svd_of_teacher"].fit["selected"] == "closed form"
    assert first["svd_of_teacher"].config["fit"] is None
    assert first["svd_of_teacher"].gate["share"] > 0.9, "two tastes are two directions"
    errors = bare(*student, "compress.order=[svd,fit]", "train.max_epochs=1", cwd=tmp_path)
    assert "trained already: svd is taken from run" in errors
