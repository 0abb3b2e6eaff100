"""The clock of the training comparison: wall time, or on a busy machine the process's own CPU time."""

from __future__ import annotations

import os
import time


def now() -> float:
    """Seconds, by the environment variable that scripts/bench sets and its child processes inherit."""
    return time.process_time() if os.environ.get("REXP_BENCH_CLOCK") == "cpu" else time.perf_counter()
