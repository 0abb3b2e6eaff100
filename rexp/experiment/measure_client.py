"""Measuring in a process of its own: what ran before, and how memory was handed out to it, changes no number."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.errors import RunError
from rexp.experiment.measurement import Answer, Measurement, MeasureTask
from rexp.io.paths import at_home

if TYPE_CHECKING:
    from rexp.store.store import Store

ENVIRONMENT = {
    # glibc gives large blocks back after each use, or not, depending on what was allocated before: up to five times.
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**32),
    # Threads that wait for one another spin, and on a busy machine for long.
    "OMP_WAIT_POLICY": "passive",
}
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def measure_run(
    store: Store,
    run: str,
    data: Path | None,
    cache_folder: Path,
    *,
    candidates: Sequence[int],
    repeats: int,
    threads: int = 1,
    onnx: Path | None = None,
) -> Measurement:
    """Measure a finished run on the CPU, in a process that does nothing else.

    Args:
        store: where it lies.
        run: its whole id.
        data: the data folder, or None.
        cache_folder: of prepared splits.
        candidates: items of a request.
        repeats: requests of each size.
        threads: of torch's kernels.
        onnx: an exported model whose latency is taken in the place of the run's own; or None.

    Raises:
        RunError: it could not be measured; says why.
    """
    task = MeasureTask(
        folder=str(Path.cwd()),
        store=str(store.root.resolve()),
        run=run,
        data=str(data.resolve()) if data else None,
        cache=str(cache_folder.resolve()),
        candidates=list(candidates),
        repeats=repeats,
        onnx=str(onnx.resolve()) if onnx else None,
    )
    with store.lock("latency"):  # one at a time, or they would measure one another
        answer = _ask(_process(threads), task)
    if answer.measurement is None:
        raise RunError(f"run {run} could not be measured: {answer.error}")
    return answer.measurement


def data_folder(named: Path | None) -> Path | None:
    """The folder of data sets that a verb was given, else ``$REXP_DATA``, else None."""
    folder = named or os.environ.get("REXP_DATA")
    return at_home(folder) if folder else None


def _ask(process: subprocess.Popen[str], task: MeasureTask) -> Answer:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        print(task.to_line(), file=process.stdin, flush=True)
        line = process.stdout.readline()
    except OSError:
        line = ""
    except BaseException:  # interrupted: the answer that is still to come would be taken for the next run's
        _process.cache_clear()
        process.kill()
        raise
    if not line:
        _process.cache_clear()  # the next run gets another
        return Answer(None, f"the process that measures ended with code {process.wait()}")
    return Answer.from_line(line)


@cache
def _process(threads: int) -> subprocess.Popen[str]:
    """The process of this many threads, started once: importing torch takes longer than measuring."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rexp.experiment.measure_worker"],
        env={**os.environ, **ENVIRONMENT, **dict.fromkeys(THREADS, str(threads))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,  # Ctrl-C is for us; it ends when its input does
    )
    atexit.register(_end, process)
    return process


def _end(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.wait()
