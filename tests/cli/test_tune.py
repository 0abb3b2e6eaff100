"""``rexp tune`` through real child processes: chosen on the validation part, resumed, and written to be run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from rexp.store.store import Store
from rexp.tune.search_space import read_space
from rexp.tune.study import Study
from tests import warm

if TYPE_CHECKING:
    from rexp.tune.trials import TrialRecord

SPACE = """
overrides: [data=csv, data.path=mine.csv, model=mf, train.max_epochs=4, train.patience=0]
metric: ndcg@10
sampler: {seed: 3}
prune: {after_trials: 2, after_epochs: 1}
space:
  model.factors: {int: [2, 16], log: true}
  train.lr: {float: [1.0e-4, 0.1], log: true}
  loss: {choice: [bpr, bce]}
"""
QUIET = ["track=none", "measure.latency=false", "references=[]", "train.progress=none"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a small data set and a search space."""
    return made(tmp_path / "place", swapped=False)


def made(folder: Path, *, swapped: bool) -> Path:
    """Forty users of two tastes; ``swapped`` gives every user's last interaction, the test part, to another one."""
    folder.mkdir()
    random = np.random.default_rng(0)
    taken = [list(random.permutation(15)[:9] + 15 * (user % 2)) for user in range(40)]
    last = [items[-1] for items in taken]
    if swapped:
        taken = [[*items[:-1], other] for items, other in zip(taken, reversed(last), strict=True)]
    rows = [f"u{user},{item},{when}" for user, items in enumerate(taken) for when, item in enumerate(items)]
    (folder / "mine.csv").write_text("\n".join(["user,item,time", *rows]) + "\n")
    (folder / "space.yaml").write_text(SPACE)
    return folder


def rexp(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return warm.rexp(*arguments, cwd=cwd, env={**os.environ, "OMP_NUM_THREADS": "1"})


def tried(folder: Path, name: str = "space") -> list[TrialRecord]:
    study = Study(folder / "runs" / ".tune" / name, read_space(folder / "space.yaml"))
    study.look()
    try:
        return study.trials()
    finally:
        study.close()


def found(folder: Path) -> list[tuple[Any, ...]]:
    """What does not depend on time."""
    return [(trial.number, trial.state, trial.value, trial.parameters) for trial in tried(folder)]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A folder with a finished search of four trials, and what was said meanwhile."""
    folder = made(tmp_path_factory.mktemp("searched") / "place", swapped=False)
    done = rexp("tune", "space.yaml", "--trials", "4", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done


@pytest.mark.slow
def test_a_search_is_made_shown_and_written_as_an_experiment_that_runs(
    searched: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    place, done = searched
    assert "trial 4/4  ndcg@10 " in done.stderr
    assert "4 trials (" in done.stdout
    assert not list(Store(place / "runs").runs()), "trials are no runs"
    assert not list((place / "runs" / ".tune" / "space" / "trials").iterdir())
    trials = tried(place)
    best = max((trial for trial in trials if trial.state == "complete"), key=lambda trial: trial.value or 0)
    assert len({json.dumps(trial.parameters) for trial in trials}) == 4

    file = place / "runs" / ".tune" / "space" / "experiment" / "space.yaml"
    text = file.read_text()
    assert text.startswith("# @package _global_\n# Tuned by rexp: ndcg@10 ")
    assert "rexp tune space.yaml --trials 4" in text
    assert yaml.safe_load(text)["model"] == {"factors": best.parameters["model.factors"]}
    ran = rexp("--config-dir", str(file.parents[1]), "experiment=space", *QUIET, cwd=place)
    assert ran.returncode == 0, ran.stderr
    (run,) = Store(place / "runs").runs()
    assert run.config["model"]["factors"] == best.parameters["model.factors"]
    assert run.config["fit"]["lr"] == best.parameters["train.lr"]
    assert run.config["fit"]["loss"]["name"] == best.parameters["loss"]
    # The trial was that run, but for the test part.
    assert run.fit["best_epoch"]["ndcg@10"]["value"] == pytest.approx(best.value, abs=1e-12)

    other = rexp("tune", "space.yaml", "seed=1", "--trials", "4", cwd=place)
    assert other.returncode == 2
    assert "holds a search that differs in overrides" in other.stderr


@pytest.mark.slow
def test_the_test_part_changes_nothing_in_the_choice(
    searched: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    folder = made(tmp_path / "swapped", swapped=True)
    assert (folder / "mine.csv").read_text() != (searched[0] / "mine.csv").read_text()
    assert rexp("tune", "space.yaml", "--trials", "4", cwd=folder).returncode == 0
    assert found(folder) == found(searched[0])


@pytest.mark.slow
def test_killed_in_mid_trial_and_repeated_it_comes_to_the_same(place: Path, tmp_path: Path) -> None:
    long = SPACE.replace("max_epochs=4", "max_epochs=25")
    calm = made(tmp_path / "calm", swapped=False)
    for folder in (place, calm):
        (folder / "space.yaml").write_text(long)
    search = [sys.executable, "-m", "rexp", "tune", "space.yaml", "--trials", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(search, cwd=place, env=environment, stderr=subprocess.DEVNULL)
    curve = place / "runs" / ".tune" / "space" / "trials" / "0002" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not (curve.exists() and len(curve.read_text().splitlines()) > 2):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert [trial.state for trial in tried(place)] == ["complete", "running"]
    done = rexp("tune", "space.yaml", "--trials", "2", cwd=place)
    assert done.returncode == 0, done.stderr
    assert "trial 1/2" not in done.stderr, "what was finished is not repeated"
    assert rexp("tune", "space.yaml", "--trials", "2", cwd=calm).returncode == 0
    assert found(place) == found(calm)


@pytest.mark.slow
def test_two_processes_share_the_trials(place: Path) -> None:
    done = rexp("tune", "space.yaml", "--trials", "3", "--jobs", "2", cwd=place)
    assert done.returncode == 0, done.stderr
    assert [trial.number for trial in tried(place)] == [1, 2, 3]
    assert all(trial.state in ("complete", "pruned") for trial in tried(place))


@pytest.mark.slow
def test_a_closed_form_model_is_searched_on_a_grid(place: Path) -> None:
    text = "overrides: [data=csv, data.path=mine.csv, model=ease]\nsampler: {name: grid}\n"
    (place / "space.yaml").write_text(text + "space: {model.l2: {choice: [1, 10, nonsense]}}\n")
    done = rexp("tune", "space.yaml", "--minutes", "5", cwd=place)
    assert done.returncode == 0, done.stderr
    assert [trial.parameters for trial in tried(place)] == [{"model.l2": value} for value in ("1", "10", "nonsense")]
    assert [trial.state for trial in tried(place)] == ["complete", "complete", "failed"]
    assert "model.l2='nonsense' has the wrong type" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("train.validate_on=test", "train.validate_on=test: a search chooses on the validation part alone"),
        ("train.select_on_test=true", "a search never chooses on the test part"),
        ("+model.fit.validate_on=test", "a search chooses on the validation part alone"),
        ("+compress.finetune.validate_on=test", "a search chooses on the validation part alone"),
        ("data.split.valid=0", "has no validation part to choose on"),
        ("~train.epoch_size", "cannot take a key out"),
    ],
)
def test_choosing_on_the_test_part_is_refused(place: Path, override: str, complaint: str) -> None:
    done = rexp("tune", "space.yaml", "--trials", "2", override, cwd=place)
    assert done.returncode == 2, done.stderr
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (place / "runs" / ".tune").exists()


def test_a_search_needs_a_budget_and_known_keys(place: Path) -> None:
    done = rexp("tune", "space.yaml", cwd=place)
    assert (done.returncode, "needs a budget" in done.stderr) == (2, True), done.stderr
    (place / "space.yaml").write_text(SPACE.replace("model.factors", "model.factros"))
    done = rexp("tune", "space.yaml", "--trials", "2", cwd=place)
    assert (done.returncode, "did you mean 'factors'" in done.stderr) == (2, True), done.stderr


def test_a_look_imports_nothing_heavy(place: Path) -> None:
    study = Study(place / "runs" / ".tune" / "space", read_space(place / "space.yaml"))
    study.open({}, metric="ndcg@10", higher=True)
    study.close()
    script = (
        "import sys; from rexp.__main__ import main; main(sys.argv[1:]); "
        "print([name for name in ('torch', 'lightning', 'polars') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "tune", "space.yaml", "--show"], cwd=place, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == ["0 trials (none yet) in 0.0 minutes", "[]"], done.stderr


def test_a_search_says_the_notes_that_a_run_says(tmp_path: Path) -> None:
    job = ["data=movietweetings", "model=mf", "train.max_epochs=1", "train.epoch_size=1024", *QUIET]
    (tmp_path / "space.yaml").write_text("metric: ndcg@10\nspace: {train.lr: {choice: [0.01]}}\n")
    ran = rexp(*job, cwd=tmp_path)
    searched = rexp("tune", "space.yaml", *job, "--trials", "1", cwd=tmp_path)
    notes, others = (
        {line for line in done.stderr.splitlines() if line.startswith("note:")} for done in (ran, searched)
    )
    assert any("time-leak" in line for line in notes)
    assert notes == others


@pytest.mark.slow
def test_what_is_fitted_on_the_validation_part_is_no_part_of_a_trial(tmp_path: Path) -> None:
    rows = [f"{user},{item},{(user + item) % 3 % 2}" for user in range(20) for item in range(15)]
    (tmp_path / "mine.csv").write_text("\n".join(["user,item,rating", *rows]) + "\n")
    words = (
        "[data=csv, data.path=mine.csv, data/split=ratio, model=bias, evaluate=pointwise, 'evaluate.row_metrics=[auc]'"
    )
    asked = "evaluate.calibrate=platt, evaluate.decision.by=f1]"
    (tmp_path / "space.yaml").write_text(
        f"overrides: {words}, {asked}\nmetric: auc\nspace:\n  model.user_damping: {{float: [1.0, 9.0]}}\n"
    )
    done = rexp("tune", "space.yaml", "--trials", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "trial 1/1  auc " in done.stderr
