"""One job of a sweep as a launcher runs it, with its record and log."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.errors import Interrupted, RexpError
from rexp.hydra.runtime import config_folders, task_overrides
from rexp.io.messages import messages_shown
from rexp.sweep.ledger import Ledger, this_process
from rexp.sweep.watchdog import exit_with_parent

if TYPE_CHECKING:
    from omegaconf import DictConfig


def run_job(config: DictConfig, ledger: Ledger) -> Interrupted | None:
    """Do one job; what goes wrong is for the ledger, and the sweep goes on.

    Args:
        config: the job's configuration, as the launcher composed it.
        ledger: the sweep it belongs to.

    Returns:
        The word that the job was asked to stop, or None.
    """
    # The launcher's own number counts the jobs it was given, which are not all.
    number = ledger.jobs.index(tuple(task_overrides()))
    exit_with_parent(ledger.owner[1])
    if ledger.stopped:
        return None
    with ledger.hold(number), _output(ledger, number):
        ledger.write(number, "started")
        try:
            _run(config, ledger, number)
        except Interrupted as interrupted:
            ledger.write(number, "interrupted")
            return interrupted
        except KeyboardInterrupt:
            ledger.write(number, "interrupted")
            raise
        except Exception as error:
            _fail(ledger, number, error, stop=config.on_error == "stop")
    return None


def _run(config: DictConfig, ledger: Ledger, number: int) -> None:
    from rexp.experiment.run import run

    started = time.monotonic()
    outcome = run(
        config,
        group=ledger.name,
        sweeping=True,
        place=f"run {number + 1} of {len(ledger.jobs)}" if len(ledger.jobs) > 1 else "",
        computing=lambda run: ledger.write(number, "computing", run=run),
        recipe_folders=config_folders(),
    )
    seconds = round(time.monotonic() - started, 3)
    ledger.write(number, "done", run=outcome.result.run_id, cached=outcome.cached, seconds=seconds)


def _fail(ledger: Ledger, number: int, error: Exception, *, stop: bool) -> None:
    """The line to the ledger, from which the command tells it, and the traceback to the log."""
    with ledger.log_file(number).open("a", encoding="utf-8") as log:
        traceback.print_exception(error, file=log)
    kind = type(error).__name__
    ledger.write(number, "failed", error=str(error) if isinstance(error, RexpError) else f"{kind}: {error}", kind=kind)
    if stop:
        ledger.stop()


@contextmanager
def _output(ledger: Ledger, number: int) -> Iterator[None]:
    """In a process of the launcher's, what the job says goes to its log: jobs that run at once would talk at once."""
    if ledger.owner == this_process():
        yield
        return
    with _descriptors_to(ledger.log_file(number)), messages_shown():
        yield


@contextmanager
def _descriptors_to(path: Path) -> Iterator[None]:
    """Standard output and error of this process, and of those it starts, at the end of a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.dup2(log, 1)
        os.dup2(log, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, before in enumerate(kept, 1):
            os.dup2(before, descriptor)
            os.close(before)
        os.close(log)
