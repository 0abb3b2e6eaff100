"""Runs from Python: composed, computed and stored as the command line does."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.errors import ConfigError
from rexp.io.messages import messages_shown_by_default

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from rexp.store.result import RunResult


def run(overrides: Sequence[str] = (), *, config_dir: str | Path | None = None) -> RunResult:
    """Do one job, or answer it from the store, as ``python -m rexp OVERRIDES`` without its reference models.

    Args:
        overrides: as on the command line: ``["model=mf", "compress=kd"]``.
        config_dir: a folder of further configurations, as ``--config-dir``.

    Returns:
        The finished run as the store holds it.

    Raises:
        ConfigError: what cannot be run, in one line.
        RexpError: the data, the store or the run itself failed.
    """
    return _run([overrides], config_dir, sweeping=False)[0]


def run_many(jobs: Sequence[Sequence[str]], *, config_dir: str | Path | None = None) -> list[RunResult]:
    """Do several jobs one after another; all are composed before the first begins.

    A job that fails ends the call. Those before it are in the store, where the same call finds them.

    Args:
        jobs: the overrides of each.
        config_dir: as of :func:`run`.

    Returns:
        The finished runs in the order of the jobs.

    Raises:
        RexpError: as of :func:`run`.
    """
    return _run(jobs, config_dir, sweeping=True)


def compose_jobs(jobs: Sequence[Sequence[str]], config_dir: str | Path | None = None) -> list[DictConfig]:
    """The configurations of jobs, within a Hydra application or not.

    Raises:
        ConfigError: in one line, what cannot be composed.
    """
    from rexp.hydra.compose import compose_job, hydra_session

    for overrides in jobs:
        _check(overrides)
    folder = None if config_dir is None else Path(config_dir)
    with hydra_session():
        return [compose_job(overrides, folder) for overrides in jobs]


@messages_shown_by_default()
def _run(jobs: Sequence[Sequence[str]], config_dir: str | Path | None, *, sweeping: bool) -> list[RunResult]:
    from rexp.experiment.run import run as run_job

    folders = [] if config_dir is None else [Path(config_dir).resolve()]
    results = []
    for number, (overrides, config) in enumerate(zip(jobs, compose_jobs(jobs, config_dir), strict=True), 1):
        typed = [] if sweeping else [word.lstrip("+~").partition("=")[0] for word in overrides]
        place = f"run {number} of {len(jobs)}" if len(jobs) > 1 else ""
        with _as_command(overrides):
            outcome = run_job(config, typed=typed, sweeping=sweeping, place=place, recipe_folders=folders)
        results.append(outcome.result)
    return results


def _check(overrides: Sequence[str]) -> None:
    """One text would be read letter by letter.

    Raises:
        ConfigError: these are no overrides.
    """
    if isinstance(overrides, str) or not all(isinstance(word, str) for word in overrides):
        raise ConfigError(f"overrides are a list of texts such as ['model=mf', 'seed=1'], not {overrides!r}")


@contextmanager
def _as_command(overrides: Sequence[str]) -> Iterator[None]:
    """What a run's manifest holds as its command; a notebook's own says nothing of the run."""
    program, sys.argv = sys.argv, ["rexp", *overrides]
    try:
        yield
    finally:
        sys.argv = program
