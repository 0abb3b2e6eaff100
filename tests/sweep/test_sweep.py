"""Sweeps from the command line: failures, stops, launchers, repeats, grids as files, and what is told of them."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rexp.store.store import Store
from rexp.sweep.status import states
from tests.sweep.helpers import (
    COMMON,
    JOBLIB,
    count,
    environment,
    events,
    kill_when,
    ledger,
    nothing_was_computed_twice,
    rexp,
    start,
    sweep,
)

LONG = ["model=mf", "seed=1,2,3", "train.max_epochs=4000", "train.patience=0", *JOBLIB]


@pytest.mark.slow
def test_a_failed_job_is_written_down_and_the_sweep_goes_on(table: Path, tmp_path: Path) -> None:
    grid = ["model=pop", "seed=1,2", "evaluate.k=[999],[5]"]
    first = sweep(table, *grid, cwd=tmp_path, code=1)
    kept = ledger(tmp_path)
    assert [job.status for job in states(kept)] == ["failed", "done", "failed", "done"]
    assert first.stderr.count("rexp: evaluate.k has 999") == 2
    assert "2 of 4 jobs failed" in first.stderr
    assert "done ·" not in first.stderr, "a pipe gets no progress"
    assert "pop" in first.stdout, "the table of what was done"
    told = rexp("sweep", "status", cwd=tmp_path).stdout
    assert "2/4 done · 2 failed" in told
    assert "failed  job 2  seed=2 evaluate.k=[999]: evaluate.k has 999" in told

    again = sweep(table, *grid, "on_error=stop", cwd=tmp_path, code=1)
    assert again.stdout == first.stdout
    assert "on_error=stop: 1 jobs were left out" in again.stderr
    assert [job.status for job in states(ledger(tmp_path))] == ["failed", "done", "to do", "done"]
    assert ledger(tmp_path).round == 2, "the same sweep, whatever is to follow a failure"
    nothing_was_computed_twice(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [JOBLIB, ["hydra/launcher=submitit_local"]], ids=["joblib", "submitit"])
def test_other_processes_tell_what_failed(table: Path, tmp_path: Path, launcher: list[str]) -> None:
    done = sweep(table, "model=pop", "evaluate.k=[999],[5]", *launcher, cwd=tmp_path, code=1)
    kept = ledger(tmp_path)
    assert [job.status for job in states(kept)] == ["failed", "done"]
    assert done.stderr.count("rexp: evaluate.k has 999") == 1
    assert "1 of 2 jobs failed" in done.stderr
    assert "pop" in done.stdout
    log = kept.log_file(0).read_text()
    assert "Traceback" in log
    assert "ConfigError: evaluate.k has 999" in log
    assert "run " in kept.log_file(1).read_text(), "what the job said"


@pytest.mark.slow
def test_a_key_may_be_one_of_the_swept_models_alone(table: Path, tmp_path: Path) -> None:
    """The default model has no such key, and is none of the jobs."""
    sweep(table, "model=mf,lightgcn", "model.l2=0.1", "train.max_epochs=1", cwd=tmp_path)
    assert [job.status for job in states(ledger(tmp_path))] == ["done", "done"]
    refused = sweep(table, "model=mf,pop", "model.l2=0.1", cwd=tmp_path, code=2)
    assert refused.stderr.count("model.l2: there is no such key") == 1


@pytest.mark.slow
def test_a_repeated_sweep_is_answered_without_torch(table: Path, tmp_path: Path) -> None:
    grid = ["model=pop,random", "seed=1,2", *JOBLIB]
    sweep(table, *grid, cwd=tmp_path)
    script = "import sys; from rexp.__main__ import main; main(sys.argv[1:]); print('torch' in sys.modules)"
    command = [sys.executable, "-c", script, "-m", *COMMON, f"data.path={table}", *grid]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
    assert done.stderr.count("is done already") == 4
    kept = json.loads(rexp("sweep", "status", "--json", cwd=tmp_path).stdout)
    assert kept["counts"] == {"done": 4}
    assert all(job["computed"] for job in kept["jobs"])
    assert rexp("sweep", "list", cwd=tmp_path).stdout.startswith(kept["name"])


@pytest.mark.slow
def test_a_killed_worker_costs_its_launch_and_not_the_sweep(table: Path, tmp_path: Path) -> None:
    def worker() -> None:
        begun = next(event for event in events(tmp_path) if event["event"] == "computing")
        os.kill(begun["pid"], signal.SIGKILL)

    grid = ["model=mf", "seed=1,2,3", "train.max_epochs=40", "train.patience=0", *JOBLIB]
    process = start(table, *grid, cwd=tmp_path)
    code = kill_when(process, lambda: count(tmp_path, "computing") > 0, lambda pid: worker())
    assert code == 1
    found = [job.status for job in states(ledger(tmp_path))]
    assert "interrupted" in found
    assert set(found) == {"interrupted", "done"}, "what had not begun was launched again"


@pytest.mark.slow
def test_sigterm_ends_the_command_and_its_workers(table: Path, tmp_path: Path) -> None:
    process = start(table, *LONG, cwd=tmp_path)
    code = kill_when(process, lambda: count(tmp_path, "computing") > 1, lambda pid: os.kill(pid, signal.SIGTERM))
    assert code == 143
    workers = {event["pid"] for event in events(tmp_path)}
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < deadline, "a worker was left behind"
        time.sleep(0.05)
    assert not list(Store(tmp_path / "runs").runs())
    assert {job.status for job in states(ledger(tmp_path))} == {"interrupted", "to do"}


@pytest.mark.slow
def test_a_grid_can_be_a_file(table: Path, tmp_path: Path) -> None:
    small = [*COMMON, f"data.path={table}", "model.factors=2", "train.max_epochs=1"]
    rexp("experiment=compress_grid", *small, "compress=none", "seed=range(1,3)", cwd=tmp_path)
    runs = [(run.labels["compress"], run.seed) for run in Store(tmp_path / "runs").runs()]
    assert sorted(runs) == [("none", 1), ("none", 2)]


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [[], JOBLIB], ids=["basic", "joblib"])
def test_a_terminal_shows_how_far_it_has_come(table: Path, tmp_path: Path, launcher: list[str]) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "rexp", "-m", *COMMON, f"data.path={table}", "model=pop", "seed=1,2", *launcher]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # how a terminal ends on Linux
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    assert process.wait(60) == 0
    assert f"sweep {ledger(tmp_path).name}" in shown.decode()
    assert "2/2 done" in shown.decode()


@pytest.mark.slow
def test_a_file_says_null_and_false_as_the_command_line_does(table: Path, tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    swept = "hydra: {sweeper: {params: {train.clip_norm: [null, 5.0], data.strict: false}}}"
    (tmp_path / "experiment" / "swept.yaml").write_text(f"# @package _global_\n{swept}\n")
    done = sweep(table, "--config-dir=.", "model=mf", "train.max_epochs=1", "experiment=swept", cwd=tmp_path)
    assert "run 2 of 2" in done.stderr


def test_another_sweeper_is_refused(table: Path, tmp_path: Path) -> None:
    done = sweep(table, "model=pop", "seed=1,2", "hydra/sweeper=basic", cwd=tmp_path, code=2)
    assert "hydra/sweeper=rexp" in done.stderr


def test_there_are_two_ways_after_a_failure(table: Path, tmp_path: Path) -> None:
    done = sweep(table, "model=pop", "on_error=stopp", cwd=tmp_path, code=2)
    assert "did you mean 'stop'" in done.stderr
