"""``rexp new``: what it writes is installed, and passes its own tests, ruff and mypy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rexp.cli.new import write
from rexp.cli.new_bodies import BODIES
from rexp.errors import ConfigError
from rexp.plugins.registry import KINDS
from tests.plugins.conftest import install

SITE = ("model", "metric", "stage")


def python(folder: Path, *arguments: str, path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A distribution of each kind."""
    folder = tmp_path_factory.mktemp("new")
    for kind in BODIES:
        write(kind, f"my_{kind}", f"rexp-my-{kind}", folder / kind)
    return folder


def test_there_is_a_body_for_each_kind() -> None:
    assert set(BODIES) == set(KINDS)


def test_ruff_finds_nothing(written: Path) -> None:
    python(written, "ruff", "check", "--no-cache", ".", path=written)
    python(written, "ruff", "format", "--no-cache", "--check", ".", path=written)


def test_they_install_and_pass_their_own_tests(written: Path, tmp_path: Path) -> None:
    site = install([written / kind for kind in SITE], tmp_path)
    for kind in SITE:
        python(written / kind, "pytest", "-q", "-p", "no:cacheprovider", path=site)


@pytest.mark.slow
def test_mypy_finds_nothing(written: Path) -> None:
    packages = [f"{kind}/rexp_my_{kind}" for kind in BODIES]
    python(written, "mypy", "--strict", "--cache-dir", os.devnull, *packages, path=written)


def test_names_and_folders_that_cannot_be_are_refused(tmp_path: Path) -> None:
    for name, dist, folder in (
        ("My", "rexp-my", tmp_path / "new"),
        ("my", "rexp my", tmp_path / "new"),
        ("my", "rexp-my", tmp_path),
        ("my_", "rexp-my", tmp_path / "new"),
        ("none", "rexp-none", tmp_path / "new"),
        ("tensor", "rexp-tensor", tmp_path / "new"),
        ("my", "rexp-my", Path("/dev/null/new")),
    ):
        with pytest.raises(ConfigError):
            write("loss", name, dist, folder)
