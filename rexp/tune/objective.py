"""One trial: a run as any other, but for the test part, which it never sees, and the store, which it does not enter."""

from __future__ import annotations

import math
import shutil
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from optuna import TrialPruned

from rexp.config.job import read
from rexp.config.validation import validation_metrics
from rexp.errors import ConfigError, RunError
from rexp.evaluate.adjustment import without_adjustment
from rexp.evaluate.evaluator import Evaluator
from rexp.experiment.job import prepare_job
from rexp.experiment.run import run as make_run
from rexp.experiment.steps import run_steps
from rexp.experiment.warm_start import evaluation_device, retrieval, torch_settings, warm_start
from rexp.io.atomic import one_line_errors
from rexp.plugins.process_state import restored
from rexp.prepare.prepare import load_split
from rexp.store.epoch_log import read_epochs
from rexp.train.model_selection import better, monitored
from rexp.tune._compat import reported_epochs

if TYPE_CHECKING:
    from pathlib import Path

    from omegaconf import DictConfig
    from optuna.trial import Trial

    from rexp.config.job import Request
    from rexp.data.split import Split
    from rexp.plugins.options import Node
    from rexp.store.store import Store


@dataclass(frozen=True)
class Objective:
    """Objective of a search.

    Args:
        metric: its full name, as validation gives it.
        higher: whether more is better.
    """

    metric: str
    higher: bool


def check_request(request: Request) -> None:
    """Refuse whatever would choose on the test part; imports no torch.

    Raises:
        ConfigError: naming the key.
    """
    own: Node = {**(request.model.get("fit") or {}), **request.train}
    for where, recipe in (("train", own), ("compress.finetune", {**own, **request.finetune})):
        if recipe.get("validate_on") == "test":
            raise ConfigError(
                f"{where}.validate_on=test: a search chooses on the validation part alone; take "
                f"{where}.validate_on=valid"
            )
        if recipe.get("select_on_test"):
            raise ConfigError(f"{where}.select_on_test=true: a search never chooses on the test part; leave it out")
    for key, node in request.teachers.items():
        if (node.get("fit") or {}).get("select_on_test"):
            raise ConfigError(f"{key}.fit.select_on_test=true: a teacher's epoch would be chosen on the test part")


def without_test(split: Split) -> Split:
    """The same data with an empty test part: what is not there cannot be looked at.

    Raises:
        ConfigError: no validation part, so nothing to choose on.
    """
    if not len(split.valid):
        raise ConfigError(
            f"data={split.name} has no validation part to choose on; choose a split with one "
            "(data/split=leave_last data.split.valid=1)"
        )
    return replace(split, test=split.test.take(np.empty(0, np.int64)))


def seen_by_trials(request: Request) -> Split:
    """The data that trials read."""
    return without_test(load_split(request.data, request.data_root, request.cache))


def goal(request: Request, split: Split, wanted: str | None) -> Objective:
    """The metric by which trials are compared: the one that was named, else the fit's monitor, else the first.

    Raises:
        ConfigError: it is not measured.
    """
    names = validation_metrics(request.evaluate, split)
    monitor = wanted or request.train.get("monitor") or (request.model.get("fit") or {}).get("monitor") or names[0]
    name = monitored(dict.fromkeys(names, 0.0), str(monitor))
    return Objective(name, better(name, 1.0, 0.0))


def run_trial(
    trial: Trial, job: DictConfig, store: Store, run: str, goal: Objective, *, typed: Collection[str], sweeping: bool
) -> float:
    """Bring a model through the steps of its recipe and measure it on the validation part.

    Args:
        trial: is told the value of every validated epoch of its first fit.
        job: the trial's configuration.
        store: holds the runs that it starts from or learns from.
        run: the trial's folder within the store; an earlier attempt's checkpoint there is gone on from.
        goal: what is measured.
        typed, sweeping: as :func:`rexp.experiment.run.run` has them.

    Raises:
        optuna.TrialPruned: the pruner says so.
        RexpError: what a run may raise.
    """
    request = read(job, typed=typed)
    check_request(request)
    with restored(f"trial {trial.number}"):
        return _measure(trial, job, request, store, run, goal, sweeping=sweeping)


def _measure(
    trial: Trial, job: DictConfig, request: Request, store: Store, run: str, goal: Objective, *, sweeping: bool
) -> float:
    """Train a trial's model, and measure it."""
    load = partial(seen_by_trials, request)
    plan = prepare_job(job, request, store, load, train=make_run, sweeping=sweeping, part="valid")
    split = plan.split
    with one_line_errors(store.directory(run)):
        store.directory(run).mkdir(parents=True, exist_ok=True)
    curve = store.directory(run) / "metrics.jsonl"

    def log(values: Mapping[str, float], epoch: int) -> None:
        value = values.get(f"valid/{goal.metric}")
        if value is None or request.device.devices > 1:  # others would wait for a process that gave up
            return
        if _in_curve(curve, epoch, goal.metric, value):
            _report(trial, value, epoch)

    with torch_settings(request.device.threads):
        rules = without_adjustment(request.evaluate)
        evaluator = Evaluator(split, rules, "valid", evaluation_device(plan), retrieval(plan, store))
        warm_start(plan, store)
        run_steps(plan, store, run, log)
        plan.model.to(evaluator.device)
        metrics = evaluator(plan.model).metrics
    value = float(metrics[monitored(metrics, goal.metric.partition("|")[0])])
    if not math.isfinite(value):
        raise RunError(f"{goal.metric} is {value} on the validation part of '{split.name}'")
    return value


def forget(store: Store, run: str) -> None:
    """Remove what a finished trial left; its values are with the search."""
    shutil.rmtree(store.directory(run), ignore_errors=True)


def _in_curve(curve: Path, epoch: int, metric: str, value: float) -> bool:
    """Whether a curve ends with this epoch. Only the first fit of a run has one; a fine-tune counts from 1 again, and
    its epochs compare with those of no other trial."""
    last = deque(read_epochs(curve), maxlen=1) if curve.exists() else ()
    return any(record["epoch"] == epoch and record.get(metric) == value for record in last)


def _report(trial: Trial, value: float, epoch: int) -> None:
    if epoch not in reported_epochs(trial):
        trial.report(value, epoch)
    if trial.should_prune():
        raise TrialPruned
