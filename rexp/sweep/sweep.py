"""A sweep: written down, answered from the store as far as that goes, and the rest handed to Hydra's launcher."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rexp import errors
from rexp.config.job import read
from rexp.errors import ConfigError, RexpError, RunError
from rexp.experiment.outcome import Outcome
from rexp.experiment.run import cached_outcome
from rexp.hydra.fast_compose import Composer
from rexp.hydra.grid import grid
from rexp.io.paths import at_home
from rexp.io.text import fail, warn
from rexp.store.store import Store
from rexp.sweep.launcher import batches, is_sequential, launch, sigterm_interrupts, workers
from rexp.sweep.ledger import Ledger, name_of
from rexp.sweep.progress import progress

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from rexp.hydra.launchers import HydraContext

Found = Outcome | RexpError
"""Outcome of a job."""


def sweep(config: DictConfig, context: HydraContext, words: Sequence[str]) -> list[Found]:
    """Do every job of a grid that is not done.

    Args:
        config: of the sweep as a whole, as Hydra composed it; learns here where the ledger is.
        context: Hydra's.
        words: of the command line and of ``hydra.sweeper.params``, with all values of a key.

    Returns:
        For every job what it came to, or what went wrong; jobs that were left out are not among them.

    Raises:
        HydraException: a job cannot be composed; none has begun.
        Interrupted: a job, or the sweep as a whole, was asked to stop.
    """
    jobs = grid(words, context.config_loader)
    ledger = Ledger(
        Path(config.hydra.sweep.dir).absolute() / name_of(jobs),
        jobs,
        workers=workers(config),
        command=tuple(sys.argv[1:]),
    ).open()
    found, stores = _known(ledger, config, context)
    waiting = batches(config, [number for number in range(len(jobs)) if number not in found])
    with sigterm_interrupts(), progress(ledger, together=not is_sequential(config)) as show:
        for batch in waiting:
            if ledger.stopped:
                break
            launch(ledger, config, context, batch)
            found |= {number: outcome for number in batch if (outcome := _outcome(ledger, number, stores[number]))}
            _tell_faults([found[number] for number in batch if number in found])
            show()
    if left_out := len(jobs) - len(found):
        warn(f"on_error=stop: {left_out} jobs were left out")
    return [found[number] for number in sorted(found)]


def _known(ledger: Ledger, config: DictConfig, context: HydraContext) -> tuple[dict[int, Found], list[Store]]:
    """What the store has of the jobs, and the store of each; a job with a fault says so when it is launched."""
    composed = Composer(context.config_loader, config)  # type: ignore[arg-type]
    stores: list[Store] = []
    known: dict[int, Found] = {}
    for number, words in enumerate(ledger.jobs):
        job = composed(words)
        stores.append(Store(at_home(job.paths.store)))
        with suppress(RexpError):
            if outcome := cached_outcome(read(job)):
                known[number] = outcome
                ledger.write(number, "done", run=outcome.result.run_id, cached=True)
    return known, stores


def _tell_faults(outcomes: Sequence[Found]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, RexpError):
            fail(str(outcome))


def _outcome(ledger: Ledger, number: int, store: Store) -> Found | None:
    """What this command came to with a job; None where it was left out."""
    records = ledger.read_own(number)
    if not records:
        return None
    last = records[-1]
    if last.event == "done":
        return Outcome(store.result(str(last.run)), cached=bool(last.cached), store=store)
    if last.event != "failed":
        words = " ".join(ledger.jobs[number])
        return RunError(f"job {number} ({words}): its process died; the same command tries it again")
    error, kind = str(last.error), str(last.kind)
    if kind == ConfigError.__name__:
        return ConfigError(error)
    return RunError(error if hasattr(errors, kind) else f"{error} (traceback: {ledger.log_file(number)})")
