"""How long the command line takes before, or without, any work."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from tempfile import TemporaryDirectory


def command_line(rounds: int) -> None:
    """Print wall seconds of ``--help``, ``--cfg job`` and a run that is already done."""
    print(f"\ncommand line, wall seconds, median of {rounds}")
    with TemporaryDirectory() as store:
        run = ["model=pop", "track=none", "references=[]", f"paths.store={store}"]
        cases = [("--help", ["--help"]), ("--cfg job", ["--cfg", "job"]), ("skipped run", run)]
        _seconds(run)  # the run that is then skipped
        for name, arguments in cases:
            found = [_seconds(arguments) for _ in range(rounds)]
            if any(seconds is None for seconds in found):
                print(f"  {name:12} failed: `python -m rexp {' '.join(arguments)}`")
            else:
                print(f"  {name:12} {statistics.median(found):.2f}", flush=True)  # type: ignore[type-var]


def _seconds(arguments: list[str]) -> float | None:
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "rexp", *arguments], capture_output=True, check=False)
    return time.perf_counter() - started if done.returncode == 0 else None
