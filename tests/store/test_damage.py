"""A tenth of ``scripts/damage``: every damage is noticed, nothing crashes, and caches are made again."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "damage"


@pytest.mark.slow
def test_damage_is_noticed_and_what_can_be_is_made_again(student_store: Path) -> None:
    command = [sys.executable, str(SCRIPT), str(student_store), "--share", "0.1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    numbers = re.search(r"all: (\d+) of (\d+) noticed, 0 crashes, (\d+) of (\d+) made again", done.stdout)
    assert numbers
    noticed, tried, again, rebuildable = map(int, numbers.groups())
    assert noticed == tried > 50
    assert again == rebuildable > 10
