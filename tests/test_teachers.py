"""A teacher that cannot teach is refused before anything is trained."""

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
