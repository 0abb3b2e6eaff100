"""Hydra's launchers as a sweep uses them: told where the ledger is, given what is not done, and outlived."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

from rexp.errors import Interrupted, RunError
from rexp.hydra.launchers import launch_jobs
from rexp.io.text import fail
from rexp.sweep.job import run_job

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from rexp.hydra.launchers import HydraContext
    from rexp.sweep.ledger import Ledger

TERMINATED = "stopped by SIGTERM; the same command goes on from there"


def is_sequential(config: DictConfig) -> bool:
    """Whether jobs run in this process, one after another, as Hydra's own launcher has it."""
    return str(config.hydra.launcher._target_).rpartition(".")[2] == "BasicLauncher"


def workers(config: DictConfig) -> int | None:
    """Jobs that may run at once; None where the launcher does not say."""
    if is_sequential(config):
        return 1
    number = config.hydra.launcher.get("n_jobs")
    cores = os.cpu_count() or 1
    return None if number is None else int(number) if number > 0 else max(1, cores + 1 + number)


def batches(config: DictConfig, numbers: Sequence[int]) -> list[list[int]]:
    """The jobs as they are handed to the launcher: together where it runs them at once, else one after another."""
    if is_sequential(config):
        return [[number] for number in numbers]
    return [list(numbers)] if numbers else []


def launch(ledger: Ledger, config: DictConfig, context: HydraContext, numbers: Sequence[int]) -> None:
    """Run jobs by the launcher of the configuration; what they come to is in the ledger.

    A launcher gives up when one of its processes is killed, and takes the others with it. The jobs that had not begun
    are then launched again.

    Raises:
        Interrupted: a job was asked to stop.
        RunError: the launcher gave up before any of the jobs began.
    """
    _point_to(ledger, config)
    task = partial(run_job, ledger=ledger)
    try:
        jobs = launch_jobs(config, context, task, [ledger.jobs[number] for number in numbers], numbers[0])
    except Interrupted:
        raise
    except Exception as error:
        if is_sequential(config):
            raise
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        fault = RunError(f"the launcher gave up: {reason}")
        waiting = [number for number in numbers if not ledger.read_own(number)]
        if len(waiting) == len(numbers):
            raise fault from error
        fail(str(fault))
        if waiting and not ledger.stopped:
            launch(ledger, config, context, waiting)
        return
    for job in jobs:
        if isinstance(job.return_value, Interrupted):
            raise job.return_value


def _point_to(ledger: Ledger, config: DictConfig) -> None:
    """Launchers keep their own files under ``hydra.sweep.dir``, and their processes compose it anew from the words."""
    folder = str(ledger.directory)
    config.hydra.sweep.dir = folder
    word = "hydra.sweep.dir='{}'".format(folder.replace("'", "\\'"))
    if word not in config.hydra.overrides.hydra:
        config.hydra.overrides.hydra.append(word)


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """SIGTERM ends the sweep as one clear error, and a launcher's processes with it."""

    def receive(number: int, frame: FrameType | None) -> None:
        raise Interrupted(TERMINATED)

    if threading.current_thread() is not threading.main_thread():
        yield  # which signals do not reach
        return
    before = signal.signal(signal.SIGTERM, receive)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
