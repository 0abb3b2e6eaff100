"""A sweep: written down, answered from the store as far as that goes, and the rest handed to Hydra's launcher."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.config.request import read
from rexp.errors import ConfigError, RexpError, RunError
from rexp.run import Outcome, answer
from rexp.store.store import Store
from rexp.sweep.job import labels_of
from rexp.sweep.launcher import batches, launch, terminating, workers
from rexp.sweep.ledger import Ledger, name_of
from rexp.sweep.progress import progress
from rexp.sweep.states import state

if TYPE_CHECKING:
    from hydra.types import HydraContext
    from omegaconf import DictConfig


def sweep(config: DictConfig, context: HydraContext, words: Sequence[str]) -> list[Outcome | RexpError]:
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
    jobs = grid(words, context)
    ledger = Ledger(
        Path(config.hydra.sweep.dir).absolute() / name_of(jobs),
        jobs,
        workers=workers(config),
        command=tuple(sys.argv[1:]),
    ).open()
    known, stores = _known(ledger, config, context)
    waiting = [number for number in range(len(jobs)) if number not in known]
    todo = batches(config, waiting)
    with terminating(), progress(ledger, together=len(todo) < len(waiting)) as show:
        for batch in todo:
            launch(ledger, config, context, batch)
            show()
    found = {number: known.get(number) or _outcome(ledger, number, stores[number]) for number in range(len(jobs))}
    return [outcome for outcome in found.values() if outcome]


def grid(words: Sequence[str], context: HydraContext) -> tuple[tuple[str, ...], ...]:
    """The words of every job, each job once."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser

    overrides = OverridesParser.create(config_loader=context.config_loader).parse_overrides(list(words))
    (jobs,) = BasicSweeper.split_arguments(overrides, max_batch_size=None)
    return tuple(dict.fromkeys(tuple(job) for job in jobs))


def _known(ledger: Ledger, config: DictConfig, context: HydraContext) -> tuple[dict[int, Outcome], list[Store]]:
    """What the store has of the jobs, and the store of each; a job with a fault says so when it is launched."""
    from rexp.sweep.compose import Composer

    composed = Composer(context.config_loader, config)  # type: ignore[arg-type]
    stores: list[Store] = []
    known: dict[int, Outcome] = {}
    for number, words in enumerate(ledger.jobs):
        job, choices = composed(words)
        stores.append(Store(Path(job.paths.store).expanduser()))
        with suppress(RexpError):
            if outcome := answer(read(job, labels_of(choices))):
                known[number] = outcome
    for number, outcome in known.items():
        ledger.write(number, "done", run=outcome.result["run_id"], cached=True)
    return known, stores


def _outcome(ledger: Ledger, number: int, store: Store) -> Outcome | RexpError | None:
    """What the ledger says a job came to; None where it was left out."""
    job = state(ledger, number)
    if job.status == "done" and job.run:
        return Outcome(store.result(job.run), cached=not job.computed, store=store)
    if job.status == "failed":
        return ConfigError(job.error) if job.kind == ConfigError.__name__ else RunError(job.error)
    if job.status == "interrupted":
        return RunError(f"the process of job {number} died: {' '.join(job.words)}")
    return None
