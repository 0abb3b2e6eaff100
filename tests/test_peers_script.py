"""``scripts/peers``: what it makes environments from, and what it leaves alone; nothing is installed here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def peers(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "peers"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_versions_are_those_of_the_record() -> None:
    listed = dict(line.split(maxsplit=1) for line in peers().stdout.splitlines())
    record = (ROOT / "results" / "speed.md").read_text()
    assert listed["recbole"] == "recbole==1.2.1, numpy==1.26.4"
    assert "RecBole 1.2.1 (numpy 1.26.4)" in record
    assert listed["implicit"] == "implicit==0.7.3"
    assert "implicit 0.7.3" in record


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("x")
    done = peers("implicit", tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"peers: {tmp_path} is there and is no environment; name a new folder\n"
    assert (tmp_path / "thesis.txt").read_text() == "x"


def test_a_peer_without_a_folder_is_refused() -> None:
    assert peers("implicit").returncode == 2
    assert peers("nobody", "x").returncode == 2
