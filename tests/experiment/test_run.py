"""One run from the command line to the store, through real child processes."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from rexp.evaluate.config import EvaluateConfig
from rexp.evaluate.evaluator import Evaluator
from rexp.experiment.restore import load_model
from rexp.plugins.options import from_options
from rexp.prepare.prepare import load_split
from rexp.store.store import Store
from tests import warm

if TYPE_CHECKING:
    from rexp.store.result import RunResult

TABLE = [
    *("track=none", "measure.latency=false"),
    *("data=csv", "data.columns.user=uid", "data.columns.item=sku", "data.columns.time=at"),
]
SMALL = [*TABLE, "train.batch_size=64"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty users of two tastes over forty items, so that there is something to learn."""
    random = np.random.default_rng(0)
    rows = ["uid,sku,at"]
    for user in range(60):
        liked = random.permutation(20)[:12] + 20 * (user % 2)
        rows += [f"u{user:03d},{item:04d},{when}" for when, item in enumerate(liked)]
    path = tmp_path_factory.mktemp("data") / "mine.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def rexp(*arguments: str, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = warm.rexp(*arguments, cwd=cwd)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def results(folder: Path) -> dict[str, RunResult]:
    """Finished runs by model name."""
    return {result.labels["model"]: result for result in Store(folder / "runs").runs()}


def weights(folder: Path) -> list[str]:
    return sorted(
        hashlib.sha256(file.read_bytes()).hexdigest() for file in (folder / "runs").glob("*/model.safetensors")
    )


@pytest.mark.slow
def test_a_run_is_stored_shown_beside_references_and_never_repeated(table: Path, tmp_path: Path) -> None:
    command = [*SMALL, f"data.path={table}", "model=mf", "model.factors=4", "train.max_epochs=8", "train.lr=0.05"]
    first = rexp(*command, cwd=tmp_path)
    found = results(tmp_path)
    assert set(found) == {"mf", "ease", "pop"}
    for name in found:
        assert name in first.stdout
    assert found["mf"].metrics["ndcg@10"] > found["pop"].metrics["ndcg@10"]
    folder = tmp_path / "runs" / found["mf"].run_id
    assert {"config.yaml", "manifest.json", "metrics.jsonl", "per_user.parquet", "model.safetensors"} <= {
        file.name for file in folder.iterdir()
    }
    assert not (folder / "checkpoints").exists()

    before = weights(tmp_path)
    second = rexp(*command, cwd=tmp_path)
    assert weights(tmp_path) == before
    assert second.stderr.count("is done already") == 3
    assert second.stdout == first.stdout


@pytest.mark.slow
def test_references_that_cannot_retrieve_are_left_out_with_a_note(table: Path, tmp_path: Path) -> None:
    command = ["model=mf", "model.factors=4", "train.max_epochs=1", "evaluate=two_stage", "retriever=flat"]
    done = rexp(*SMALL, f"data.path={table}", *command, cwd=tmp_path)
    assert set(results(tmp_path)) == {"mf"}
    notes = [line for line in done.stderr.splitlines() if line.startswith("note: references: ")]
    assert [line.partition(" has no vectors")[0] for line in notes] == [
        "note: references: ease is left out: EASE",
        "note: references: pop is left out: Popularity",
    ]
    assert "failed" not in done.stderr


@pytest.mark.slow
def test_a_repeated_run_imports_no_torch(table: Path, tmp_path: Path) -> None:
    command = [*TABLE, f"data.path={table}", "model=pop"]
    rexp(*command, cwd=tmp_path)
    script = (
        "import sys; from rexp.__main__ import main; code = main(sys.argv[1:]); print('torch' in sys.modules, code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *command], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False 0"


@pytest.mark.slow
def test_only_what_matters_makes_another_run(table: Path, tmp_path: Path) -> None:
    base = [*TABLE, f"data.path={table}", "model=pop", "references=[]"]
    rexp(*base, cwd=tmp_path)
    rexp(*base, "tags=[again]", "train.threads=2", cwd=tmp_path)
    rexp(*base, "evaluate=full", "evaluate.threshold=3", "evaluate.candidates.n=5", cwd=tmp_path)
    copy = tmp_path / "elsewhere.csv"
    copy.write_bytes(table.read_bytes())
    rexp(*base, f"data.path={copy}", cwd=tmp_path)
    assert len(list(Store(tmp_path / "runs").runs())) == 1
    rexp(*base, "seed=7", cwd=tmp_path)
    rexp(*base, "evaluate.k=[5]", cwd=tmp_path)
    copy.write_text(table.read_text() + "u000,0039,99\n")
    rexp(*base, f"data.path={copy}", cwd=tmp_path)
    assert len(list(Store(tmp_path / "runs").runs())) == 4


@pytest.mark.slow
def test_a_chosen_file_may_train_what_needs_no_training(table: Path, tmp_path: Path) -> None:
    done = rexp(*TABLE, f"data.path={table}", "model=pop", "train=quick", "references=[]", cwd=tmp_path)
    assert "note: model=pop is fitted in closed form and uses no train.max_epochs" in done.stderr


@pytest.mark.slow
def test_a_sweep_goes_on_after_a_failed_job_and_says_so(table: Path, tmp_path: Path) -> None:
    sweep = ["-m", *SMALL, f"data.path={table}", "model=mf,pop", "model.factors=4", "seed=1,2", "train.max_epochs=1"]
    failed = rexp(*sweep, cwd=tmp_path, code=2)
    assert "factors" in failed.stderr  # pop has no factors: Hydra refuses the composition before any job
    sweep = [
        "-m",
        *SMALL,
        f"data.path={table}",
        "model=mf,pop",
        "seed=1,2",
        "train.max_epochs=1",
        "evaluate.k=[10],[999]",
    ]
    failed = rexp(*sweep, cwd=tmp_path, code=1)
    assert "4 of 8 jobs failed" in failed.stderr
    assert "999" in failed.stderr
    assert len(list(Store(tmp_path / "runs").runs())) == 4
    again = rexp(*sweep, cwd=tmp_path, code=1)
    assert again.stderr.count("is done already") == 4


@pytest.mark.slow
def test_killed_in_mid_training_and_started_again_ends_with_the_same_bytes(table: Path, tmp_path: Path) -> None:
    command = [*SMALL, f"data.path={table}", "model=ncf", "model.dropout=0.1", "train.max_epochs=60", "references=[]"]
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    rexp(*command, cwd=tmp_path / "whole")
    for _ in range(2):
        _kill_after_an_epoch([sys.executable, "-m", "rexp", *command], tmp_path / "killed", signal.SIGKILL)
    resumed = rexp(*command, cwd=tmp_path / "killed")
    assert "epoch" in resumed.stdout + resumed.stderr
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")
    epochs = [
        [json.loads(line)["epoch"] for line in file.read_text().splitlines()]
        for file in (tmp_path / "killed" / "runs").glob("*/metrics.jsonl")
    ]
    assert epochs == [sorted(set(epochs[0]))]


@pytest.mark.slow
def test_sigterm_leaves_an_interrupted_run_that_goes_on(table: Path, tmp_path: Path) -> None:
    command = [*SMALL, f"data.path={table}", "model=ncf", "train.max_epochs=60", "references=[]"]
    code = _kill_after_an_epoch([sys.executable, "-m", "rexp", *command], tmp_path, signal.SIGTERM)
    assert code == 143
    run = next((tmp_path / "runs").glob("*/manifest.json")).parent.name
    assert Store(tmp_path / "runs").status(run) == "interrupted"
    # Refused on a machine without the GPU that it may have begun on, it keeps what it has learned.
    bare = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    refused = warm.rexp(*command, "train.accelerator=gpu", cwd=tmp_path, env=bare)
    assert (refused.returncode, "there is no GPU here" in refused.stderr) == (2, True)
    assert list((tmp_path / "runs").glob("*/checkpoints/last.ckpt"))
    rexp(*command, cwd=tmp_path)
    assert Store(tmp_path / "runs").status(run) == "done"


@pytest.mark.slow
def test_two_processes_that_want_one_run_train_it_once(table: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "rexp",
        *SMALL,
        f"data.path={table}",
        "model=mf",
        "train.max_epochs=5",
        "references=[]",
    ]
    both = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=300)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sorted("epoch 1/5" in text for text in said) == [False, True]


@pytest.mark.slow
def test_verify_catches_altered_data_and_weights(table: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_bytes(table.read_bytes())
    rexp(*TABLE, f"data.path={own}", "model=pop", "references=[]", cwd=tmp_path)
    run = next((tmp_path / "runs").glob("*/result.json")).parent
    rexp("verify", run.name, cwd=tmp_path)
    own.write_text(table.read_text() + "u000,0039,99\n")
    assert "own.csv" in rexp("verify", run.name, cwd=tmp_path, code=1).stdout
    own.write_bytes(table.read_bytes())
    weights = run / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    assert "model.safetensors" in rexp("verify", run.name, cwd=tmp_path, code=1).stdout


def _kill_after_an_epoch(command: list[str], cwd: Path, how: signal.Signals) -> int:
    """Start, wait for a checkpoint newer than the start, kill; the exit code."""
    started = time.time()
    process = subprocess.Popen(
        command,
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    deadline = time.time() + 120
    while time.time() < deadline and process.poll() is None:
        # The checkpoint itself: a temporary file may be gone before it is looked at.
        if any(file.stat().st_mtime > started for file in (cwd / "runs").glob("*/checkpoints/last.ckpt")):
            break
        time.sleep(0.01)
    assert process.poll() is None, "it ended before it could be killed"
    process.send_signal(how)
    return process.wait(timeout=60)


BAD = [
    (["model=nfc"], 2, "ncf"),
    (["modle=ncf"], 2, "model"),
    (["model.factorz=8"], 2, "factors"),
    (["model.factors=many"], 2, "model.factors"),
    (["train.max_epoch=3"], 2, "max_epochs"),
    (["seed=one"], 2, "seed"),
    (["loss.reduction=sum"], 2, "loss"),
    (["evaluate.metrics=[ndgc]"], 2, "ndcg"),
    (["data=csv"], 2, "data.path"),
    (["data=csv", "data.path=nowhere.csv"], 1, "nowhere.csv"),
    (["model=pop", "loss=bce"], 2, "closed form"),
    (["model=pop", "train=quick", "train.lr=1"], 2, "uses no train.lr;"),
    (["evaluate.k=[100000]", "model=pop"], 2, "100000"),
    (["paths.store=/proc/nothing"], 1, "/proc/nothing"),
    (["train.monitor=nothing@10", "train.max_epochs=1"], 2, "nothing@10"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "code", "named"), BAD, ids=lambda value: str(value))
def test_bad_input_is_one_line_that_names_it(arguments: list[str], code: int, named: str, tmp_path: Path) -> None:
    done = rexp("track=none", *arguments, cwd=tmp_path, code=code)
    lines = [line for line in done.stderr.splitlines() if line.startswith("rexp: ")]
    assert len(lines) == 1
    assert named in lines[0]
    assert "Traceback" not in done.stderr


def test_without_its_folder_a_restricted_data_set_says_where_its_files_belong(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "REXP_DATA"}
    done = subprocess.run(
        [sys.executable, "-m", "rexp", "data=ml-1m", "track=none"],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "REXP_DATA" in done.stderr
    assert "https://" in done.stderr


@pytest.mark.slow
def test_two_processes_measure_what_one_would(tmp_path: Path) -> None:
    """Metrics after training with two gloo processes are those of the stored weights, measured by one."""
    rows = [f"{user},{(7 * user + 3 * place) % 50},{place}" for user in range(40) for place in range(9)]
    (tmp_path / "mine.csv").write_text("\n".join(["user,item,time", *rows]) + "\n")
    common = [
        "data=csv",
        f"data.path={tmp_path / 'mine.csv'}",
        "track=none",
        "references=[]",
        "measure.latency=false",
        "model=mf",
    ]
    command = [sys.executable, "-m", "rexp", *common, "model.factors=4", "train.devices=2", "train.max_epochs=2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (result,) = Store(tmp_path / "runs").runs()
    assert result.config["devices"] == 2
    split = load_split(result.config["data"], None, tmp_path / "runs" / ".data")
    model = load_model(Store(tmp_path / "runs"), result.run_id, split, "it")
    options = {field.name for field in fields(EvaluateConfig)}
    rules = {k: v for k, v in result.config["evaluate"].items() if k in options and v is not None}
    assert Evaluator(split, from_options(EvaluateConfig, rules, "evaluate"), "test")(model).metrics == result.metrics
    assert pl.read_parquet(tmp_path / "runs" / result.run_id / "per_user.parquet")["user"].is_unique().all()
