"""What only composes or lists imports nothing heavy, and is answered at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rexp.plugins import registry

HEAVY = ("torch", "lightning", "wandb", "polars", "faiss", "torchmetrics", "tensorboard")
SCRIPT = f"""
import sys
from rexp.__main__ import main
try:
    sys.exit(main(sys.argv[1:]))
finally:
    print("IMPORTED", *[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""
STAGES = [f"+compress/stage@compress.stages.{stage.name}={stage.name}" for stage in registry.plugins("stage")]
COMPLETION = {"COMP_LINE": "rexp model=", "COMP_POINT": "11", "COMP_CWORD": "1"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--cfg", "job"],
        ["--cfg", "job", "experiment=ncf_paper", "model@teacher=mf", "track=[csv,tensorboard]"],
        ["--cfg", "job", "data/split=time_cut", *STAGES],
        ["--info", "searchpath"],
        ["--hydra-help"],
        ["-sc", "query=bash"],
        ["plugins"],
        ["plugins", "--json"],
        ["report", "--help"],
        ["data", "--help"],
        ["verify", "--help"],
        ["plan", "--help"],
        ["sweep", "status", "--help"],
    ],
    ids=lambda arguments: " ".join(arguments[:4]),
)
def test_no_heavy_package_is_imported(arguments: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        cwd=tmp_path,
        env={**os.environ, **(COMPLETION if "-sc" in arguments else {})},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert done.stderr.splitlines()[-1].split() == ["IMPORTED"]
