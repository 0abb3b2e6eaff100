"""Keys set to values that nobody means: refused in one line, or run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "scripts" / "fuzz"


def test_a_tenth_of_the_cases() -> None:
    command = [sys.executable, str(SCRIPT), "--cases", "100", "--seed", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("100 cases, seed 0: "), done.stdout
