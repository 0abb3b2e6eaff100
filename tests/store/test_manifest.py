from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import rexp
from rexp.store.manifest import finish, git_state, machine, manifest


def test_it_says_where_when_and_with_what() -> None:
    started = manifest(["rexp", "seed=1"], {"seed": 1}, {"name": "ml-1m"})
    assert started["argv"] == ["rexp", "seed=1"]
    assert started["seeds"] == {"seed": 1}
    assert started["data"] == {"name": "ml-1m"}
    assert started["versions"]["rexp-recsys"] == rexp.__version__
    assert {"torch", "polars", "wandb", "hydra-core", "numpy"} <= started["versions"].keys()
    assert "pytest" not in started["versions"]
    assert started["machine"]["cores"] >= 1
    assert started["machine"]["memory_bytes"] > 2**20
    json.dumps(finish(started), allow_nan=False)


def test_it_measures_wall_cpu_and_memory() -> None:
    started = manifest([], {}, {})
    deadline = time.process_time() + 0.2
    block = bytearray(80_000_000)
    while time.process_time() < deadline:
        block[::4096] = bytes(len(block[::4096]))
    ended = finish(started)
    del block
    assert ended["cpu_seconds"] >= 0.15
    assert ended["wall_seconds"] >= 0.15
    assert ended["peak_bytes"] >= 80_000_000
    assert ended["started"] < ended["finished"]
    assert "clock" not in ended


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can forget a peak")
def test_each_job_of_a_sweep_has_its_own_peak() -> None:
    first = manifest([], {}, {})
    bytearray(b"x") * 200_000_000
    large = finish(first)["peak_bytes"]
    second = manifest([], {}, {})
    assert finish(second)["peak_bytes"] < large - 100_000_000


def test_git_state_names_commit_and_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_state() is None
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    (tmp_path / "file").write_text("1")
    for command in (["init", "-q"], ["add", "file"], ["commit", "-qm", "First"]):
        subprocess.run([*git, *command], check=True)
    state = git_state()
    assert state is not None
    assert len(state.commit) == 40
    assert state.dirty is False
    (tmp_path / "file").write_text("2")
    assert git_state() == replace(state, dirty=True)
    monkeypatch.setenv("PATH", os.devnull)
    assert git_state() is None


def test_gpus_are_named_by_their_driver_and_cuda_is_not_started_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*_: object) -> None:
        raise AssertionError("CUDA was started, and a process that has done so cannot fork")

    for name in ("_lazy_init", "get_device_name", "is_available", "device_count"):
        monkeypatch.setattr(f"torch.cuda.{name}", started)
    monkeypatch.setattr("rexp.store.manifest.DRIVER", tmp_path / "none")
    assert machine().gpus == []
    for place in ("0000:1a:00.0", "0000:3b:00.0"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "information").write_text("Model: \t\t NVIDIA H200\nIRQ:   \t\t 33\n")
    monkeypatch.setattr("rexp.store.manifest.DRIVER", tmp_path)
    assert machine().gpus == ["NVIDIA H200", "NVIDIA H200"]
