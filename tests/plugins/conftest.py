"""The distributions under plugins/ and a broken one, built as wheels and installed into folders of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

collect_ignore = ["broken"]  # it cannot be imported, that is its purpose

ROOT = Path(__file__).parents[2]
THEIRS = ("rexp-cml", "rexp-explain", "rexp-recent-pop", "rexp-starter", "rexp-text")


def pip(*arguments: str | Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)], check=True
    )


def install(projects: list[Path], folder: Path) -> Path:
    """Build each project's wheel and install it, without what it depends on, into ``folder/site``."""
    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder / "wheels", *projects)
    wheels = sorted((folder / "wheels").glob("*.whl"))
    assert len(wheels) == len(projects)
    pip("install", "--no-deps", "--no-index", "--target", folder / "site", *wheels)
    return folder / "site"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the distributions under plugins/ are installed; the space in its name is there to be coped with."""
    projects = [ROOT / "plugins" / name for name in THEIRS]
    return install(projects, tmp_path_factory.mktemp("third party"))


@pytest.fixture(scope="session")
def broken_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where rexp-broken is installed."""
    return install([Path(__file__).parent / "broken"], tmp_path_factory.mktemp("broken"))
