"""How long a sweep takes whose jobs are all in the store."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

SCRIPT = (
    "import sys; from rexp.__main__ import main; code = main(sys.argv[1:]); sys.exit(code or 'torch' in sys.modules)"
)


def repeated(jobs: int, rounds: int) -> None:
    """Print wall milliseconds a job, the start of the command among them, and those without it."""
    print(f"\na repeated sweep of {jobs} jobs, median of {rounds}; no torch is imported")
    with TemporaryDirectory() as folder:
        table = Path(folder, "data.csv")
        rows = [f"{user},{(7 * user + 3 * place) % 50},{place}" for user in range(40) for place in range(9)]
        table.write_text("\n".join(["user,item,time", *rows]) + "\n")
        grid = ["-m", "data=csv", f"data.path={table}", "track=none", "measure.latency=false", f"paths.store={folder}"]
        whole = [*grid, "model=pop,random", f"seed=range({jobs // 2})"]
        _seconds(whole, check=False)  # the runs that are then found
        took = statistics.median(_seconds(whole) for _ in range(rounds))
        start = statistics.median(_seconds([*grid, "model=pop", "seed=0"]) for _ in range(rounds))
        print(f"  with the start    {1000 * took / jobs:.1f} ms a job, {took:.2f} s in all")
        print(f"  without it        {1000 * (took - start) / (jobs - 1):.1f} ms a job", flush=True)


def _seconds(arguments: list[str], *, check: bool = True) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", SCRIPT, *arguments], capture_output=True, check=check)
    return time.perf_counter() - started
