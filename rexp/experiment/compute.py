"""The computation of a run; read it from top to bottom.

prepare -> run id -> lock -> fit -> evaluate -> measure cost -> commit
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch

from rexp.api import RunInfo
from rexp.config.labels import labels_of
from rexp.config.recipes import recipe_name
from rexp.errors import ConfigError, Interrupted, RunError
from rexp.evaluate import user_sample
from rexp.evaluate.adjustment import told
from rexp.evaluate.evaluator import Evaluator
from rexp.evaluate.per_user import write_per_user
from rexp.experiment.job import prepare_job
from rexp.experiment.measure_client import measure_run
from rexp.experiment.measure_results import store_costs
from rexp.experiment.steps import exclusive_fit, register_steps, run_steps
from rexp.experiment.warm_start import evaluation_device, retrieval, torch_settings, warm_start
from rexp.io.text import note, say, warn
from rexp.measure.costs import model_costs, scorer_of
from rexp.measure.quality_target import best_gate, quality_gate
from rexp.measure.sizes import stored_zeros
from rexp.plugins.memory import short_of_memory
from rexp.prepare.prepare import load_split
from rexp.store.identity import alias_key, run_id
from rexp.store.manifest import finish, manifest
from rexp.store.result import ONLINE, RunResult
from rexp.store.weights import save_model
from rexp.track.trackers import start
from rexp.train.checkpoint import forget_checkpoints

if TYPE_CHECKING:
    from pathlib import Path

    from omegaconf import DictConfig

    from rexp.config.job import Request
    from rexp.config.plan import Plan
    from rexp.evaluate.result import Evaluation
    from rexp.experiment.outcome import Outcome
    from rexp.io.json_types import Json, JsonView
    from rexp.store.store import Store


def compute(
    config: DictConfig,
    request: Request,
    store: Store,
    title: str,
    *,
    train: Callable[..., Outcome],
    sweeping: bool,
    place: str,
    computing: Callable[[str], None],
) -> tuple[str, bool]:
    """Prepare a job, and compute it under its run's lock unless it is done.

    Args:
        config, request, store: the job, and where its run belongs.
        title: the job as messages name it.
        train: :func:`rexp.experiment.run.run`, which makes a teacher's run.
        sweeping, place, computing: see there.

    Returns:
        The run's id, and whether it was done already.
    """
    load = partial(load_split, request.data, request.data_root, request.cache)
    plan = prepare_job(config, request, store, load, train=train, sweeping=sweeping)
    identity, alias = plan.identity(), alias_key(request.alias())
    run = run_id(identity)
    with store.lock(run):
        done = store.status(run) == "done" and not request.force
        if not done:
            computing(run)
            with exclusive_fit(plan, store), torch_settings(request.device.threads):
                _compute(plan, store, run, identity, title, place)
    store.set_alias(alias, run)
    return run, done


def _compute(plan: Plan, store: Store, run: str, identity: JsonView, title: str, place: str) -> None:
    """Fit, evaluate, measure and commit under the run's lock."""
    request, split = plan.request, plan.split
    read_from = {"files": [file.facts() for file in split.sources], "prepared": _place(split.directory, store)}
    started = manifest(sys.argv, {"seed": request.seed}, {**_data_facts(plan), **read_from})
    # Built before the run begins, so that rules which do not go with the data are told before anything is left behind.
    evaluator = Evaluator(split, request.evaluate, "test", evaluation_device(plan), retrieval(plan, store))
    for notice in evaluator.notices:
        note(notice)
    directory = store.begin(run, plan.config(), started, identity=identity, force=request.force)
    labels = labels_of(plan.config(), request.recipe_folders)
    say(f"run {run}: {title} -> {directory}")
    trackers = start(request.track, RunInfo(run, directory, plan.config(), dict(labels), request.group))
    status, refused = "failed", False
    summary: Json = {}
    try:
        warm_start(plan, store)
        steps = run_steps(plan, store, run, trackers.log, place)
        plan.model.to(evaluator.device)
        evaluation = evaluator(plan.model)
        plan.model.to("cpu")
        for line in (*told(evaluation.facts, evaluation.metrics), *user_sample.told(evaluation.facts)):
            say(f"run {run}: {line}")
        write_per_user(evaluation, split, directory / "per_user.parquet")
        weights = save_model(plan.model, directory)
        costs = model_costs(scorer_of(plan.model, split, request.evaluate.history, torch.device("cpu")))
        ended = finish(started)
        result: Json = {
            "run_id": run,
            "labels": labels,
            "tags": request.tags,
            "seed": request.seed,
            "config": plan.config(),
            "data": {**_data_facts(plan), "report": dict(split.report)},
            "capabilities": sorted(plan.model.capabilities()),
            "fit": next(report for report in steps if "selected" in report),
            "steps": steps,
            "parts": steps[-1]["parts"],
            "metrics": evaluation.metrics,
            "facts": evaluation.facts,
            "weights": weights,
            "cost": _cost(costs, weights, ended, steps, evaluation),
        }
        result |= _taught(plan, store, RunResult(result)) | _found(steps)
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
        begun = (directory / "checkpoints").exists()
        refused = not begun and (isinstance(error, ConfigError) or short_of_memory(error))
        store.mark(run, "failed", error=f"{type(error).__name__}: {error}")
        raise
    else:  # committed: whatever happens from here on, the run is done
        status = "done"
        register_steps(plan, store, run, steps)
        if plan.fit:
            forget_checkpoints(directory)
        _warn_of_zeros(run, steps, costs)
        latency = _latency(request, store, run)
        summary = _summary(RunResult(result | {"cost": result["cost"] | latency}), request.recipe_folders)
    finally:
        trackers.finish(summary, status)
        if refused:
            store.discard(run)


def _check_unchanged(plan: Plan, identity: JsonView) -> None:
    """What the options name is still what the run is named by."""
    if plan.identity() != identity:
        raise RunError("a file that an option names changed while the run read it; run the command again")


def _cost(
    costs: JsonView,
    weights: JsonView,
    ended: JsonView,
    steps: Sequence[JsonView],
    evaluation: Evaluation,
) -> Json:
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


def _taught(plan: Plan, store: Store, result: RunResult) -> Json:
    """Who taught a student, and how much it keeps of what the best of its teachers reaches."""
    if plan.teaching.online is not None:
        return {"teacher": {"run_id": ONLINE, "name": plan.teaching.online["name"]}}
    teachers = [store.result(run) for run in result.teacher_runs]
    if not teachers:
        return {}
    names = "+".join(its.model_label for its in teachers)
    named: Json = {"teacher": {"run_id": "+".join(its.run_id for its in teachers), "name": names}}
    found = best_gate([quality_gate(result, its) for its in teachers])
    if found is None:
        say(f"run {result.run_id}: {names} was measured otherwise, and is not compared with its student")
        return named
    say(f"run {result.run_id} {found}")
    return {**named, "gate": found.to_json()}


def _summary(result: RunResult, folders: Iterable[Path]) -> Json:
    """What trackers are told at the end; metrics by their part, for validation has the same ones."""
    parts = {"test": result.metrics, "cost": result.cost, "teacher": result.teacher, "gate": result.gate}
    told: Json = {
        f"{part}/{name}": value
        for part, values in {**parts, "found": result.found}.items()
        for name, value in values.items()
    }
    if result.control:
        told["control"] = recipe_name(result.control, folders)
    return told


def _found(steps: Sequence[JsonView]) -> Json:
    """What the stages found, by label and name: ``prune.sparsity``."""
    found = {
        f"{label}.{name}": number
        for step in steps
        for label, numbers in step.get("found", {}).items()
        for name, number in numbers.items()
    }
    return {"found": found} if found else {}


def _warn_of_zeros(run: str, steps: Sequence[JsonView], costs: Mapping[str, int]) -> None:
    """Of a compressed model only: others have few zeros, or ones that nobody speaks of."""
    if steps[-1]["step"] != "fit" and (line := stored_zeros(costs)):
        say(f"run {run}: {line}")


def _latency(request: Request, store: Store, run: str) -> Mapping[str, float]:
    """Time the committed run in a process of its own; a run that cannot be timed is done all the same."""
    if not request.measure.latency:
        return {}
    candidates, repeats = request.measure.candidates, request.measure.repeats
    try:
        found = measure_run(store, run, request.data_root, request.cache, candidates=candidates, repeats=repeats)
    except RunError as error:
        warn(str(error))
        return {}
    return store_costs(store, run, found).cost


def _place(folder: Path | None, store: Store) -> str | None:
    """Where a folder lies, relative to the store that it lies in, else in full."""
    if folder is None:
        return None
    whole, root = folder.resolve(), store.root.resolve()
    return str(whole.relative_to(root) if whole.is_relative_to(root) else whole)


def _data_facts(plan: Plan) -> Json:
    split = plan.split
    return {
        "name": split.name,
        "fingerprint": split.fingerprint,
        **({"family": split.family} if split.family else {}),
        "users": split.n_users,
        "items": split.n_items,
        "train": len(split.train),
        "valid": len(split.valid),
        "test": len(split.test),
    }
