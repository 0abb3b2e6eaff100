"""From a large file to a stored split: processor seconds and peak memory, each size in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

SIZES = (1_000_000, 10_000_000)
CHILD = """
import re, sys, time
from pathlib import Path
from rexp.prepare.prepare import load_split
node = {"name": "csv", "path": sys.argv[1], "split": {"name": "leave_last"}, "strict": False}
split = load_split(node, None, Path(sys.argv[2]))
peak = int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024
print(f"{time.process_time():8.2f} {peak:8,} {len(split.train):12,} {split.fingerprint[:12]}")
"""


def to_split(quick: bool) -> None:
    """Print a row a size: seconds with the start of the process, MB, training rows, and the split's fingerprint."""
    print("\nCSV to a stored split, leave_last, the first of equal pairs")
    print("      rows    CPU s  peak MB   train rows fingerprint")
    with TemporaryDirectory() as place:
        for n in SIZES[: 1 if quick else None]:
            file = Path(place) / f"{n}.csv"
            _draw(n).write_csv(file)
            command = [sys.executable, "-c", CHILD, str(file), str(Path(place) / "cache")]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            print(f"{n:10,} {done.stdout.rstrip()}", flush=True)


def _draw(n: int) -> pl.DataFrame:
    """Skewed users and items, ratings of 1 to 5, and times in no order."""
    draw = np.random.default_rng(0)
    n_users = max(1000, n // 50)
    users = draw.permutation(n_users)[(draw.beta(0.7, 3, n) * n_users).astype(np.int64)]
    items = draw.permutation(50_000)[(draw.beta(0.6, 6, n) * 50_000).astype(np.int64)]
    times = draw.integers(1_300_000_000, 1_600_000_000, n)
    return pl.DataFrame({"user": users + 1, "item": items + 1, "rating": draw.integers(1, 6, n), "timestamp": times})
