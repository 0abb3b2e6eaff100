"""One job: answered from the store where it is done, else computed and committed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from rexp.config.job import Request, read
from rexp.config.recipes import recipe_name
from rexp.experiment.outcome import Outcome
from rexp.io.content_hash import hashes
from rexp.io.text import say
from rexp.plugins.exits import no_exits
from rexp.plugins.faults import plugin_faults_told
from rexp.plugins.memory import memory_told
from rexp.plugins.side_files import unchanged
from rexp.store.identity import alias_key
from rexp.store.installed import is_code_unchanged
from rexp.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from omegaconf import DictConfig


@plugin_faults_told()
@memory_told()
def run(
    config: DictConfig,
    *,
    group: str | None = None,
    typed: Iterable[str] = (),
    sweeping: bool = False,
    place: str = "",
    computing: Callable[[str], None] = lambda run: None,
    recipe_folders: Iterable[Path] = (),
) -> Outcome:
    """Do one job, or answer it from the store.

    Args:
        config: the composed configuration.
        group: the sweep this job belongs to, for the trackers.
        typed: keys that the command line itself names, whose values must be of use.
        sweeping: one of several jobs: what it does not use is a notice, not an error.
        place: which of several jobs this is, for the eye: ``run 2 of 4``.
        computing: is told the run's id when its computation begins, under its lock.
        recipe_folders: folders of configurations beside rexp's own, whose recipes give runs their names.

    Raises:
        RexpError: what a user can mend; the run is then marked ``failed`` or ``interrupted``.
    """
    request = read(config, group=group, typed=typed, recipe_folders=recipe_folders)
    with no_exits(request.plugins()):
        if known := cached_outcome(request):  # also by a store that cannot be written
            return known
        store = Store(request.store)
        store.check_writable()
        # From here on torch is needed, and the data.
        from rexp.experiment.compute import compute
        from rexp.plugins.process_state import restored

        title = title_of(request)
        with restored(title):
            run_id, cached = compute(
                config, request, store, title, train=run, sweeping=sweeping, place=place, computing=computing
            )
        return _skip(store, run_id) if cached else Outcome(store.result(run_id), cached=False, store=store)


def cached_outcome(request: Request) -> Outcome | None:
    """The stored outcome of a job, found without torch or the data; None if the job has to be prepared."""
    known = known_run(request)
    return None if known is None else _skip(Store(request.store), known)


def known_run(request: Request) -> str | None:
    """The finished run that answers a job, by what was asked for alone."""
    if request.force:
        return None
    store = Store(request.store)
    known = store.alias(alias_key(request.alias()))
    if known is None or not unchanged(store.result(known).side_files, hashes(request.cache)):
        return None
    # What was asked for may name stored runs, whose models have code of their own.
    return known if is_code_unchanged(store.directory(known), request.cache) else None


def title_of(request: Request) -> str:
    """A job as messages name it."""
    compress = recipe_name(request.recipe.plain(), request.recipe_folders)
    recipe = f" compress={compress}" if compress != "none" else ""
    return f"data={request.data['name']} model={request.model['name']}{recipe} seed={request.seed}"


def _skip(store: Store, run: str) -> Outcome:
    say(f"run {run} is done already: {store.directory(run)} (force=true runs it again)")
    return Outcome(store.result(run), cached=True, store=store)
