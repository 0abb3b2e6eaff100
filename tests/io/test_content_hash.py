"""What decides whether a run is done already is content: of the data, of the plugin's code, of the files it reads."""

from __future__ import annotations

import hashlib
import json
import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

MODEL = """
    import numpy as np
    import torch
    from dataclasses import dataclass
    from torch import nn
    from rexp.api import Capability

    @dataclass
    class Config:
        vectors: str = "vectors.npy"

    class Ranked(nn.Module):
        Config = Config

        def __init__(self, config, spec):
            super().__init__()
            self.register_buffer("scores", torch.from_numpy(np.load(config.vectors)) * SIGN)

        def capabilities(self):
            return frozenset({Capability.SCORES_ALL_ITEMS, Capability.CLOSED_FORM})

        def fit(self, split, generator):
            pass

        def score(self, query, items):
            return self.scores[items]

        def score_all(self, query):
            return self.scores.expand(len(query.users), -1)
"""
N_ITEMS = 12


def install(site: Path, sign: str) -> None:
    """What pip leaves of a wheel: the same version whatever the code."""
    info = site / "ranked_model-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (site / "ranked_model.py").write_text(textwrap.dedent(MODEL).replace("SIGN", sign))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ranked-model\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rexp.models]\nranked = ranked_model:Ranked\n")
    (info / "RECORD").write_text("ranked_model.py,,\n")


def write_vectors(path: Path, shift: int) -> None:
    """A file of one size and one time of change, whatever it holds."""
    import numpy as np

    path.parent.mkdir(exist_ok=True)
    np.save(path, np.roll(np.arange(N_ITEMS, dtype=np.float32), shift))
    os.utime(path, (1, 1))


def write_rows(path: Path, shift: int) -> None:
    rows = [f"{user:02d},{(user * 5 + place + shift) % N_ITEMS:02d},{place}" for user in range(9) for place in range(5)]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(["user,item,time", *rows]) + "\n")
    os.utime(path, (1, 1))


@pytest.fixture
def ask(tmp_path: Path, command: Command) -> Callable[..., dict[str, Any]]:
    """Do a job, and give its result, with ``cached``: whether it was done already."""
    site = tmp_path / "site"
    install(site, "1")
    store = tmp_path / "runs"

    def run(*arguments: str, cwd: Path = tmp_path) -> dict[str, Any]:
        before = set(store.glob("*/result.json"))
        words = ("data=csv", "data.path=a.csv", "model=ranked", f"paths.store={store}")
        quiet = ("track=none", "references=[]", "measure.latency=false", "seed=0")
        done = command(*words, *quiet, *arguments, on_path=[site], cwd=cwd, env={"PYTHONDONTWRITEBYTECODE": "1"})
        assert done.returncode == 0, done.stderr
        said = next(line for line in done.stderr.splitlines() if line.startswith("run "))
        result: dict[str, Any] = json.loads((store / said.split()[1].rstrip(":") / "result.json").read_bytes())
        assert len(set(store.glob("*/result.json")) - before) <= 1
        return result | {"cached": "is done already" in said}

    return run


def test_code_and_side_files_of_the_same_version_size_and_time(
    ask: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    write_rows(tmp_path / "a.csv", 0)
    write_vectors(tmp_path / "vectors.npy", 0)
    first = ask()
    assert first["side_files"]["model.vectors"][0]["path"] == str(tmp_path / "vectors.npy")
    assert ask() == {**first, "cached": True}

    install(tmp_path / "site", "-1.0")
    reinstalled = ask()
    assert reinstalled["run_id"] != first["run_id"]
    assert reinstalled["metrics"] != first["metrics"]

    write_vectors(tmp_path / "vectors.npy", 5)  # a default that no configuration names
    other = ask()
    assert not other["cached"]
    assert other["run_id"] not in (first["run_id"], reinstalled["run_id"])
    now = hashlib.sha256((tmp_path / "vectors.npy").read_bytes()).hexdigest()
    assert other["side_files"]["model.vectors"][0]["sha256"] == now

    write_vectors(tmp_path / "vectors.npy", 0)
    install(tmp_path / "site", "1")
    assert ask() == {**first, "cached": True}


def test_two_projects_that_share_a_store_and_the_name_of_a_file(
    ask: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    results = []
    for place in range(2):
        project = tmp_path / f"project-{place}"
        write_rows(project / "a.csv", place)
        write_vectors(project / "vectors.npy", 0)
        results.append(ask("model.vectors=vectors.npy", cwd=project))
    assert results[0]["run_id"] != results[1]["run_id"]
    assert results[0]["data"]["fingerprint"] != results[1]["data"]["fingerprint"]


def test_a_forced_run_records_what_it_read(ask: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    write_rows(tmp_path / "a.csv", 0)
    write_vectors(tmp_path / "vectors.npy", 0)
    ask()
    write_rows(tmp_path / "a.csv", 1)
    forced = ask("force=true")
    (recorded,) = json.loads((tmp_path / "runs" / forced["run_id"] / "manifest.json").read_bytes())["data"]["files"]
    assert recorded["sha256"] == hashlib.sha256((tmp_path / "a.csv").read_bytes()).hexdigest()
    write_rows(tmp_path / "a.csv", 0)
    assert ask()["run_id"] != forced["run_id"]


def test_a_store_that_cannot_be_written_answers_what_is_done(
    ask: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    import subprocess
    import sys

    write_rows(tmp_path / "a.csv", 0)
    write_vectors(tmp_path / "vectors.npy", 0)
    run = ask()["run_id"]
    code = """
        import sys
        from rexp.__main__ import main
        from rexp.errors import StoreError
        from rexp.io import atomic
        from rexp.store import store
        def refuse(*arguments, **more):
            raise StoreError("read-only")
        store.Store.check_writable = store.write_text = atomic.replace_atomically = refuse
        sys.exit(main(sys.argv[1:]))
    """
    words = ["data=csv", "data.path=a.csv", "model=ranked", f"paths.store={tmp_path / 'runs'}"]
    quiet = ["track=none", "references=[]", "measure.latency=false"]
    for seed, exit_code, said in ((0, 0, f"run {run} is done already"), (1, 1, "rexp: read-only")):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), *words, *quiet, f"seed={seed}"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path / "site"), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == exit_code, done.stderr
        assert said in done.stderr
