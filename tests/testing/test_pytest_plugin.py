"""``pytest --rexp-plugin`` as an author runs it, in a project of its own with a distribution of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

LOSS = """
from dataclasses import dataclass
from rexp.api import Layout

@dataclass(frozen=True)
class Config_:
    margin: float = 1.0

class Hinge:
    Config = Config_
    layout = Layout.PAIRWISE

    def __init__(self, config):
        self.margin = config.margin

    def __call__(self, scores, batch):
        return (self.margin - scores[:, 0] + scores[:, 1]).relu().mean()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with an installed distribution: a module and the metadata that pip would write."""
    (tmp_path / "its_hinge.py").write_text(LOSS)
    metadata = tmp_path / "its_hinge-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: its-hinge\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[rexp.losses]\nits_hinge = its_hinge:Hinge\n")
    return tmp_path


def pytest_in(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_a_failure_is_told_with_its_reason(project: Path) -> None:
    done = pytest_in(project, "--rexp-plugin", "its_hinge")
    assert done.returncode == 1
    assert "loss 'its_hinge': loss.marked failed: what log_q marks by +inf still has a gradient" in done.stdout
    assert "log_q of +inf marks an item that must not count." in done.stdout
    assert "1 failed, 7 passed" in done.stdout


def test_expected_failures_are_strict(project: Path) -> None:
    lines = ["its_hinge/loss.marked: no sampler here marks any", "its_hinge/loss.order: it does not fail"]
    listed = "".join(f"    {line}\n" for line in lines)
    (project / "pytest.ini").write_text(f"[pytest]\nrexp_expected_failures =\n{listed}")
    done = pytest_in(project, "--rexp-plugin", "its-hinge", "-k", "marked or order")
    assert done.returncode == 1
    assert "was expected to fail (it does not fail), and does not; take it off the list" in done.stdout
    assert "1 failed, 7 deselected, 1 xfailed" in done.stdout


def test_an_unknown_distribution_is_one_line(project: Path) -> None:
    done = pytest_in(project, "--rexp-plugin", "its-hing")
    assert done.returncode == 4
    assert "did you mean 'its-hinge'" in done.stdout + done.stderr


def test_rexp_plugins_deep(project: Path, command: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = command("plugins", "--deep", "its_hinge", on_path=[project])
    assert done.returncode == 1
    assert "broken: loss 'its_hinge': loss.marked failed" in done.stderr
    assert command("plugins", "--check", "--deep", "bpr", on_path=[project]).returncode == 0


def test_the_plugin_of_pytest_imports_no_torch() -> None:
    code = "import sys, rexp.testing.pytest_plugin; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
