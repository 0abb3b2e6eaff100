"""The conformance kit over the distributions under ``plugins/``, as their authors run it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

NAMES = ("rexp-cml", "rexp-recent-pop", "rexp-starter")


def test_third_parties_keep_their_contracts(site: Path, tmp_path: Path) -> None:
    chosen = [word for name in NAMES for word in ("--rexp-plugin", name)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = int(done.stdout.rsplit(" passed", 1)[0].split()[-1])
    assert passed > 80, done.stdout
