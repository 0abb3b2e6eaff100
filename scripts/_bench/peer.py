"""RecBole's side: a child process of the interpreter that has it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rexp.data.split import Split


def write_interactions(split: Split, folder: Path) -> None:
    """RecBole's atomic file."""
    (folder / "rexp").mkdir(parents=True)
    rows = np.column_stack([split.train.users, split.train.items])
    np.savetxt(folder / "rexp" / "rexp.inter", rows, "%d", "\t", header="user_id:token\titem_id:token", comments="")


def rates(python: str, folder: Path, batch_size: int, dropout: float, count: int) -> list[float]:
    """Samples per second of each of ``count`` epochs; none, with the reason on the screen, where the child failed."""
    child = Path(__file__).with_name("peer_child.py")
    command = [python, str(child), str(folder), str(batch_size), str(dropout), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode:
        print(f"RecBole failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
        return []
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return [found["samples"] / seconds for seconds in found["seconds"]]
