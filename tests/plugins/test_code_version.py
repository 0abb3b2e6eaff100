"""What stands for the version of a third party's code: on copies, never on the live tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def install(site: Path, name: str, *, editable: bool, points: str = "") -> None:
    """What pip leaves beside a package, for an editable installation or another."""
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(points)
    if editable:
        (info / "direct_url.json").write_text(json.dumps({"url": "file:///x", "dir_info": {"editable": True}}))


def version(name: str, site: Path) -> str:
    """``code_version`` in a process of its own, as the next command would see it; the site's rexp comes first."""
    code = f"from rexp.plugins.code_version import code_version; print(code_version({name!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=site,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A site with the package ``their_pkg``, not yet installed."""
    package = tmp_path / "their_pkg"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "deep" / "model.py").write_text("FACTORS = 8\n")
    (package / "README.md").write_text("text\n")
    return tmp_path


POINTS = "[rexp.models]\ntheirs = their_pkg.deep.model:Model\n"


@pytest.mark.parametrize("editable", [False, True], ids=["wheel", "editable"])
def test_it_changes_with_its_code_and_with_nothing_else(plugin: Path, editable: bool) -> None:
    install(plugin, "their-dist", editable=editable, points=POINTS)
    before = version("their-dist", plugin)
    assert before.startswith("1.0+")
    (plugin / "their_pkg" / "README.md").write_text("other text\n")
    assert version("their-dist", plugin) == before
    (plugin / "their_pkg" / "deep" / "model.py").write_text("FACTORS = 9\n")
    after = version("their-dist", plugin)
    assert after != before
    (plugin / "their_pkg" / "deep" / "model.py").rename(plugin / "their_pkg" / "deep" / "other.py")
    assert version("their-dist", plugin) not in (before, after)


def test_it_changes_with_files_that_the_code_reads(plugin: Path) -> None:
    install(plugin, "their-dist", editable=False, points=POINTS)
    (plugin / "their_pkg" / "table.npz").write_bytes(b"12")
    before = version("their-dist", plugin)
    (plugin / "their_pkg" / "table.npz").write_bytes(b"21")
    assert version("their-dist", plugin) != before


def test_it_changes_with_a_module_that_no_entry_point_names(plugin: Path) -> None:
    install(plugin, "their-dist", editable=False, points=POINTS)
    (plugin / "their_dist-1.0.dist-info" / "RECORD").write_text("their_core.py,,\n../../bin/tool,,\n")
    (plugin / "their_core.py").write_text("A = 1\n")
    before = version("their-dist", plugin)
    (plugin / "their_core.py").write_text("A = 2\n")
    assert version("their-dist", plugin) != before


def test_it_changes_with_the_class_that_a_name_stands_for(plugin: Path) -> None:
    install(plugin, "their-dist", editable=False, points=POINTS + "other = their_pkg.deep.model:Other\n")
    before = version("their-dist", plugin)
    points = plugin / "their_dist-1.0.dist-info" / "entry_points.txt"
    points.write_text(POINTS.replace(":Model", ":Other") + "other = their_pkg.deep.model:Model\n")
    after = version("their-dist", plugin)
    assert after != before
    lines = points.read_text().splitlines()
    points.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    assert version("their-dist", plugin) == after


def test_a_plugin_of_one_module_is_hashed_too(tmp_path: Path) -> None:
    (tmp_path / "single.py").write_text("A = 1\n")
    install(tmp_path, "single-dist", editable=True, points="[rexp.models]\nsingle = single:Model\n")
    before = version("single-dist", tmp_path)
    (tmp_path / "single.py").write_text("A = 2\n")
    assert version("single-dist", tmp_path) != before


def test_what_is_not_installed_says_so(tmp_path: Path) -> None:
    assert version("no-such-distribution", tmp_path) == "not installed"
