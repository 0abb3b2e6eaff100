"""A sweep says which of its runs is going on, and which step of that."""

from __future__ import annotations

from pathlib import Path

import pytest

from .helpers import sweep


@pytest.mark.slow
def test_runs_and_steps_are_counted(table: Path, tmp_path: Path) -> None:
    small = ["model=mf", "model.factors=4", "train.max_epochs=1", "compress=none,quantize"]
    lines = sweep(table, *small, cwd=tmp_path).stderr.splitlines()
    # The second run takes the fit from the first.
    places = [line for line in lines if line.startswith("run ") and " of " in line]
    assert places == ["run 1 of 2 · step 1 of 1: fit", "run 2 of 2 · step 2 of 2: quant"]
    assert sum("compress=quantize" in line for line in lines) == 1
