"""Small sweeps as a user starts them, and what their ledgers say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rexp.store.store import Store
from rexp.sweep.ledger import Ledger, find
from tests import warm

COMMON = ["track=none", "measure.latency=false", "data=csv", "train.progress=none"]
JOBLIB = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
Done = subprocess.CompletedProcess[str]


def environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HYDRA", "COMP_"))}
    return kept | {"OMP_NUM_THREADS": "1"}


def rexp(*arguments: str, cwd: Path, code: int = 0) -> Done:
    done = warm.rexp(*arguments, cwd=cwd, env=environment())
    assert done.returncode == code, done.stdout + done.stderr
    return done


def sweep(table: Path, *arguments: str, cwd: Path, code: int = 0) -> Done:
    return rexp("-m", *COMMON, f"data.path={table}", *arguments, cwd=cwd, code=code)


def start(table: Path, *arguments: str, cwd: Path) -> subprocess.Popen[bytes]:
    """The sweep in a session of its own, which can be killed as a whole."""
    command = [sys.executable, "-m", "rexp", "-m", *COMMON, f"data.path={table}", *arguments]
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=cwd, env=environment(), stdout=nowhere, stderr=nowhere, start_new_session=True)


def kill_when(process: subprocess.Popen[bytes], moment: Callable[[], bool], how: Callable[[int], None]) -> int:
    """Wait for the moment, kill, and wait until the process is gone; its exit code."""
    deadline = time.monotonic() + 240
    while not moment():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    how(process.pid)
    return process.wait(120)


def kill_all(pid: int) -> None:
    os.killpg(pid, signal.SIGKILL)


def kill_command_alone(pid: int) -> None:
    """Its workers are left behind."""
    os.kill(pid, signal.SIGKILL)


def ledger(folder: Path) -> Ledger:
    """The only sweep of the store in this folder."""
    return find(folder / "runs", None)


def events(folder: Path) -> list[dict[str, Any]]:
    """Everything that any job of any sweep wrote down, by time."""
    files = (folder / "runs" / ".sweeps").glob("*/jobs/*.jsonl")
    found = [{"job": file.stem, **json.loads(line)} for file in files for line in _whole_lines(file)]
    return sorted(found, key=lambda event: str(event["at"]))


def _whole_lines(file: Path) -> list[str]:
    return [line for line in file.read_text().split("\n")[:-1] if line]


def count(folder: Path, kind: str) -> int:
    return sum(event["event"] == kind for event in events(folder))


def nothing_was_computed_twice(folder: Path) -> None:
    """A run is committed once, and what is committed is not computed again; the store holds what the ledger says."""
    done: Counter[str] = Counter()
    for event in events(folder):
        if event["event"] == "computing":
            assert not done[event["run"]], event
        if event["event"] == "done":
            assert event["cached"] or not done[event["run"]], event
            done[event["run"]] += 1
    assert set(done) == {result.run_id for result in Store(folder / "runs").runs()}
