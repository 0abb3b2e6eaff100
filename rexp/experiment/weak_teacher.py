"""Check on the validation split whether a teacher is worth learning from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch

from rexp.api import Capability
from rexp.config.validation import validation_config, validation_metrics
from rexp.errors import ConfigError, StoreError
from rexp.evaluate.context_rule import rules_of_teacher
from rexp.evaluate.evaluator import Evaluator
from rexp.evaluate.protocol import resolve
from rexp.experiment.baselines import is_quick
from rexp.experiment.restore import build_model, load_model
from rexp.experiment.warm_start import torch_settings
from rexp.io.text import note
from rexp.report.teachers import SIMPLE, Measured, is_rival, verdict

if TYPE_CHECKING:
    from rexp.config.job import Request
    from rexp.data.split import Split
    from rexp.plugins.options import Node
    from rexp.store.result import RunResult
    from rexp.store.store import Store


def check_teacher(request: Request, key: str, node: Node, run: str, model: Node, store: Store, split: Split) -> None:
    """Say of a teacher that it is no better than what its student could have without it, or stop there.

    It is compared, by the first metric of the student's evaluation, with the student's own model trained without it
    under the student's seed, if the store has it, and with ``ease`` and ``pop``, which are fitted here where the store
    has none (``ease`` only on a catalogue on which that takes seconds), once for each teacher.

    Args:
        request: the student's.
        key, node: the teacher's; ``on_weak`` is ``warn`` or ``stop``.
        run: the teacher's.
        model: the student's name and typed options.
        store: where values on the validation part are kept, in the result of each run that is asked for one; those of
            models without a run in the teacher's.
        split: without a validation part nothing is asked, nor of lists where another protocol than the full ranking
            measures.

    Raises:
        ConfigError: the teacher is weak, and ``on_weak`` is ``stop``.
    """
    teacher, protocol = store.result(run), resolve(request.evaluate, split)
    if not len(split.valid) or (Capability.LISTS_ONLY in teacher.capabilities and protocol != "full"):
        return
    metric = validation_metrics(request.evaluate, split)[0]
    with torch_settings(request.device.threads):
        rules = rules_of_teacher(request.evaluate, split, protocol, teacher.capabilities)
        evaluator = Evaluator(split, validation_config(rules, split), "valid")
        rivals = [result for result in store.briefs() if is_rival(result, teacher, model, request.seed)]
        found = list(_of_runs(store, rivals, evaluator, metric))
        known = {result.model_name for result in (teacher, *rivals)}
        absent = [name for name in SIMPLE if name not in known and is_quick(name, split.n_items)]
        found += _of_baselines(store, run, absent, evaluator, metric)
        line = verdict(_kept(store, teacher, evaluator, metric), found, metric, "valid")
    if line is None:
        return
    if node.get("on_weak") == "stop":
        raise ConfigError(f"{line}; take a better one, or go on with {key}.on_weak=warn")

    note(line)


def _of_runs(store: Store, rivals: Sequence[RunResult], evaluator: Evaluator, metric: str) -> Iterator[Measured]:
    """Values of stored runs; one that cannot be read any more is told and left out, for it decides nothing."""
    for result in rivals:
        try:
            yield _kept(store, result, evaluator, metric)
        except (StoreError, ConfigError) as error:
            note(f"the teacher is not compared with the run {result.run_id}: {error}")


def _kept(store: Store, result: RunResult, evaluator: Evaluator, metric: str) -> Measured:
    """A run's value on the validation part; measured once, and kept in its result."""
    run, rules = result.run_id, str(evaluator.rules["protocol_id"])
    kept = result.valid.get(rules, {})
    if metric not in kept:
        kept = evaluator(load_model(store, run, evaluator.split, "teacher")).metrics
        with store.lock(run):
            store.amend(run, valid={**store.result(run).valid, rules: kept})
    return Measured.of(result, _number(kept[metric]))


def _of_baselines(
    store: Store, run: str, names: Sequence[str], evaluator: Evaluator, metric: str
) -> Iterator[Measured]:
    """Values of models that the store has no run of; fitted once, and kept in the teacher's result."""
    rules = str(evaluator.rules["protocol_id"])
    for name in names:
        kept = store.result(run).baselines.get(rules, {}).get(name, {})
        if metric not in kept:
            model = build_model({"name": name}, evaluator.split, name)
            model.fit(evaluator.split, torch.Generator())
            kept = evaluator(model).metrics
            with store.lock(run):
                all_kept = store.result(run).baselines
                store.amend(run, baselines={**all_kept, rules: {**all_kept.get(rules, {}), name: kept}})
        yield Measured(name, None, _number(kept[metric]))


def _number(value: float | None) -> float:
    """A kept value; JSON has no NaN."""
    return math.nan if value is None else value
