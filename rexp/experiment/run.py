"""One run, from configuration to committed result; read it from top to bottom.

resolve -> run id -> already done? -> lock -> split -> fit -> evaluate -> measure cost -> commit
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from rexp.config.job import Request, read
from rexp.errors import ConfigError, Interrupted
from rexp.io.content_hash import hashes
from rexp.io.text import note, say
from rexp.plugins.exits import no_exits
from rexp.plugins.faults import plugin_faults_told
from rexp.plugins.memory import memory_told, short_of_memory
from rexp.store.identity import alias_key, run_id
from rexp.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from omegaconf import DictConfig

    from rexp.config.plan import Plan
    from rexp.evaluate.result import Evaluation

Result = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """A finished run: its result as the store holds it, whether it was there already, and the store."""

    result: Result
    cached: bool
    store: Store


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
        return _run(config, request, sweeping=sweeping, place=place, computing=computing)


def _run(
    config: DictConfig, request: Request, *, sweeping: bool, place: str, computing: Callable[[str], None]
) -> Outcome:
    if known := answer(request):  # also by a store that cannot be written
        return known
    store = Store(request.store)
    store.check_writable()

    # From here on torch is needed, and the data.
    from rexp.plugins.process_state import restored

    with restored(_title(request)):
        return _do(config, request, store, sweeping=sweeping, place=place, computing=computing)


def _do(
    config: DictConfig,
    request: Request,
    store: Store,
    *,
    sweeping: bool,
    place: str,
    computing: Callable[[str], None],
) -> Outcome:
    """Resolve, and compute under the run's lock unless it is done."""
    from rexp.experiment.job import prepare_job
    from rexp.experiment.steps import alone
    from rexp.experiment.warm_start import kernels
    from rexp.prepare.prepare import load_split

    load = partial(load_split, request.data, request.data_root, request.cache)
    plan = prepare_job(config, request, store, load, train=run, sweeping=sweeping)
    identity, alias = plan.identity(), alias_key(request.alias())
    name = run_id(identity)
    with store.lock(name):
        if store.status(name) == "done" and not request.force:
            store.set_alias(alias, name)
            return _skip(store, name)
        computing(name)
        with alone(plan, store), kernels(request.device.threads):
            result = _compute(plan, store, name, identity, place)
    store.set_alias(alias, name)
    return Outcome(result, cached=False, store=store)


def answer(request: Request) -> Outcome | None:
    """What the store has of a job, found without torch or the data; None where it has to be looked at closer."""
    if request.force:
        return None
    from rexp.plugins.side_files import unchanged

    store = Store(request.store)
    known = store.alias(alias_key(request.alias()))
    if known is None or not unchanged(store.result(known).get("side_files", {}), hashes(request.cache)):
        return None
    return _skip(store, known)


def _skip(store: Store, run: str) -> Outcome:
    say(f"run {run} is done already: {store.directory(run)} (force=true runs it again)")
    return Outcome(store.result(run), cached=True, store=store)


def _compute(plan: Plan, store: Store, run: str, identity: Mapping[str, Any], place: str) -> Result:
    """Fit, evaluate, measure and commit under the run's lock."""
    from rexp.api import RunInfo
    from rexp.config.labels import labels_of
    from rexp.evaluate.evaluator import Evaluator
    from rexp.evaluate.per_user import write_per_user
    from rexp.experiment.steps import remember, run_steps
    from rexp.experiment.warm_start import initialise, retrieval
    from rexp.measure.costs import model_costs, scorer_of
    from rexp.store.manifest import finish, manifest
    from rexp.store.weights import save_model
    from rexp.track.trackers import start

    request, split = plan.request, plan.split
    read_from = {"files": [file.facts() for file in split.sources], "prepared": _place(split.directory, store)}
    started = manifest(sys.argv, {"seed": request.seed}, {**_data_facts(plan), **read_from})
    # Built before the run begins, so that rules which do not go with the data are told before anything is left behind.
    evaluator = Evaluator(split, request.evaluate, "test", retrieval=retrieval(plan, store))
    for notice in evaluator.notices:
        note(notice)
    directory = store.begin(run, plan.config(), started, identity=identity, force=request.force)
    labels = labels_of(plan.config(), request.recipe_folders)
    say(f"run {run}: {_title(request)} -> {directory}")
    trackers = start(request.track, RunInfo(run, directory, plan.config(), labels, request.group))
    status, refused = "failed", False
    summary: Result = {}
    try:
        initialise(plan, store)
        steps = run_steps(plan, store, run, trackers.log, place)
        plan.model.to(evaluator.device)
        evaluation = evaluator(plan.model)
        write_per_user(evaluation, split, directory / "per_user.parquet")
        weights = save_model(plan.model, directory)
        costs = model_costs(scorer_of(plan.model, split, request.evaluate.history, evaluator.device))
        ended = finish(started)
        result: Result = {
            "run_id": run,
            "labels": labels,
            "tags": request.tags,
            "seed": request.seed,
            "config": plan.config(),
            "data": {**_data_facts(plan), "report": dict(split.report)},
            "capabilities": sorted(plan.model.capabilities()),  # type: ignore[operator]
            "fit": next(report for report in steps if "selected" in report),
            "steps": steps,
            "parts": steps[-1]["parts"],
            "metrics": evaluation.metrics,
            "facts": evaluation.facts,
            "weights": weights,
            "cost": _cost(costs, weights, ended, steps, evaluation),
        }
        result |= _taught(plan, store, result) | _found(steps)
        if control := plan.control():
            result["control"] = control
        if named := plan.side_files():
            result["side_files"] = {key: [file.facts() for file in files] for key, files in named.items()}
        _check_unchanged(plan, identity)
        store.commit(run, result, ended)
    except (Interrupted, KeyboardInterrupt):
        status = "interrupted"
        store.mark(run, "interrupted")
        raise
    except BaseException as error:
        # One that had begun to learn keeps what it has.
        refused = isinstance(error, ConfigError) or (
            short_of_memory(error) and not (directory / "checkpoints").exists()
        )
        store.mark(run, "failed", error=f"{type(error).__name__}: {error}")
        raise
    else:  # committed: whatever happens from here on, the run is done
        status = "done"
        remember(plan, store, run, steps)
        if plan.fit:
            from rexp.train.checkpoint import forget_checkpoints

            forget_checkpoints(directory)
        _warn_of_zeros(run, steps, costs)
        summary = _summary(result | {"cost": result["cost"] | _latency(request, store, run)}, request.recipe_folders)
    finally:
        trackers.finish(summary, status)
        if refused:
            store.discard(run)
    return store.result(run)


def _check_unchanged(plan: Plan, identity: Mapping[str, Any]) -> None:
    """What the options name is still what the run is named by."""
    from rexp.errors import RunError

    if plan.identity() != identity:
        raise RunError("a file that an option names changed while the run read it; run the command again")


def _cost(
    costs: Mapping[str, Any],
    weights: Mapping[str, Any],
    ended: Mapping[str, Any],
    steps: Sequence[Result],
    evaluation: Evaluation,
) -> Result:
    """What the model costs, and what the run took; latency is added once the run is committed."""
    return {
        **costs,
        "weight_bytes": weights["bytes"],
        "fit_seconds": sum(report["seconds"] for report in steps),
        "evaluate_seconds": evaluation.seconds,
        **evaluation.costs,
        "wall_seconds": ended["wall_seconds"],
        "cpu_seconds": ended["cpu_seconds"],
        "peak_bytes": ended["peak_bytes"],
    }


def _taught(plan: Plan, store: Store, result: Result) -> Result:
    """Who taught a student, and how much it keeps of what the best of its teachers reaches."""
    from rexp.config.teachers import ONLINE, teacher_runs
    from rexp.measure.quality_target import best, gate, in_words

    if plan.teaching.online is not None:
        return {"teacher": {"run_id": ONLINE, "name": plan.teaching.online["name"]}}
    teachers = [store.result(run) for run in teacher_runs(plan.config())]
    if not teachers:
        return {}
    names = "+".join(its["labels"].get("model", its["config"]["model"]["name"]) for its in teachers)
    named: Result = {"teacher": {"run_id": "+".join(its["run_id"] for its in teachers), "name": names}}
    found = best([gate(result, its) for its in teachers])
    if found is None:
        say(f"run {result['run_id']}: {names} was measured otherwise, and is not compared with its student")
        return named
    say(f"run {result['run_id']} {in_words(found)}")
    return {**named, "gate": found}


def _summary(result: Result, folders: Iterable[Path]) -> Result:
    """What trackers are told at the end; metrics by their part, for validation has the same ones."""
    from rexp.config.recipes import recipe_name

    told = {f"test/{name}": value for name, value in result["metrics"].items()}
    for part in ("cost", "teacher", "gate", "found"):
        told |= {f"{part}/{name}": value for name, value in result.get(part, {}).items()}
    if control := result.get("control"):
        told["control"] = recipe_name(control, folders)
    return told


def _found(steps: Sequence[Result]) -> Result:
    """What the stages found, by label and name: ``prune.sparsity``."""
    found = {
        f"{label}.{name}": number
        for step in steps
        for label, numbers in step.get("found", {}).items()
        for name, number in numbers.items()
    }
    return {"found": found} if found else {}


def _warn_of_zeros(run: str, steps: Sequence[Result], costs: Mapping[str, int]) -> None:
    """Of a compressed model only: others have few zeros, or ones that nobody speaks of."""
    from rexp.measure.sizes import stored_zeros

    if steps[-1]["step"] != "fit" and (line := stored_zeros(costs)):
        say(f"run {run}: {line}")


def _latency(request: Request, store: Store, run: str) -> Result:
    """Time the committed run in a process of its own; a run that cannot be timed is done all the same."""
    if not request.measure.latency:
        return {}
    from rexp.errors import RunError
    from rexp.experiment.measure_client import measure_run
    from rexp.experiment.measure_results import keep

    candidates, repeats = request.measure.candidates, request.measure.repeats
    try:
        found = measure_run(store, run, request.data_root, request.cache, candidates=candidates, repeats=repeats)
    except RunError as error:
        say(f"note: {error}")
        return {}
    kept: Result = keep(store, run, found)["cost"]
    return kept


def _place(folder: Path | None, store: Store) -> str | None:
    """Where a folder lies, relative to the store that it lies in, else in full."""
    if folder is None:
        return None
    whole, root = folder.resolve(), store.root.resolve()
    return str(whole.relative_to(root) if whole.is_relative_to(root) else whole)


def _data_facts(plan: Plan) -> Result:
    split = plan.split
    return {
        "name": split.name,
        "fingerprint": split.fingerprint,
        "users": split.n_users,
        "items": split.n_items,
        "train": len(split.train),
        "valid": len(split.valid),
        "test": len(split.test),
    }


def _title(request: Request) -> str:
    from rexp.config.recipes import recipe_name

    compress = recipe_name(request.recipe.plain(), request.recipe_folders)
    recipe = f" compress={compress}" if compress != "none" else ""
    return f"data={request.data['name']} model={request.model['name']}{recipe} seed={request.seed}"
