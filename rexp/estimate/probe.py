"""The probe: what the steps of a run and its evaluation take, from a few seconds of the real ones."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rexp.config.recipe import TrainingStep
from rexp.config.validation import validation_config
from rexp.errors import RexpError
from rexp.estimate.closed_form_probe import time_fit
from rexp.estimate.evaluation_probe import time_evaluation, time_on_part
from rexp.estimate.fit_probe import time_steps, training_job
from rexp.estimate.memory import MOMENTS, trained_bytes
from rexp.estimate.records import NOT_TIMED, Seconds
from rexp.estimate.teacher import probe_teacher
from rexp.evaluate.evaluator import Evaluator
from rexp.experiment.restore import build_model
from rexp.experiment.steps import attachments_of, recipe_of
from rexp.measure.parameter_counts import sizes

if TYPE_CHECKING:
    from rexp.config.plan import Plan
    from rexp.data.split import Split
    from rexp.plugins.options import Node
    from rexp.store.store import Store
    from rexp.train.config import FitConfig
    from rexp.train.stage_hooks import Attachments

SECONDS = 2.0
"""Of one kind of step, about."""


@dataclass(frozen=True)
class Timing:
    """What a probe found.

    Args:
        steps: seconds of each step of the recipe, and how they are made up.
        evaluation: seconds of the test.
        activation_bytes: what a training step keeps for its backward pass.
        attached_bytes: parameters of the stages at work inside a fit, their gradients and the optimizer's state.
        fit_bytes: what a closed-form fit takes beside the model.
        weight_bytes: of the weights of a model that a closed-form fit makes; 0 where it is no such fit.
        carried: both are carried on from fits of parts of the catalogue, the weights in proportion to the items.
    """

    steps: tuple[tuple[Seconds, str], ...]
    evaluation: Seconds
    activation_bytes: int = 0
    attached_bytes: int = 0
    fit_bytes: int = 0
    weight_bytes: int = 0
    carried: bool = False


@dataclass(frozen=True)
class _Fit:
    """One fit of it."""

    seconds: Seconds
    note: str
    activation_bytes: int
    attached_bytes: int


def probe(
    plan: Plan, store: Store, evaluator: Evaluator, untrained: Mapping[str, Node], taken: Collection[int] = ()
) -> Timing:
    """Time the steps and the evaluation of a run; nothing of it is kept.

    Args:
        plan: the run's; its model is trained a little where it is trained at all.
        store: holds its teachers, as far as they are there.
        evaluator: of its test.
        untrained: see :func:`rexp.estimate.teacher.probe_teacher`.
        taken: places of steps that another run did, and that are not timed.
    """
    if plan.recipe.trains and plan.fit is None:
        return _closed_form(plan, evaluator)
    evaluation = time_evaluation(plan.model, evaluator)
    steps: list[tuple[Seconds, str]] = []
    fits: list[_Fit] = []
    with TemporaryDirectory(prefix="rexp-plan-") as folder:
        for place, step in enumerate(plan.recipe.steps):
            if place in taken:
                steps.append((Seconds(), ""))
            elif isinstance(step, TrainingStep):
                fits.append(_training(plan, store, step, place, untrained, Path(folder) / str(place)))
                steps.append((fits[-1].seconds, fits[-1].note))
            else:
                steps.append((NOT_TIMED, "not timed"))
    return Timing(
        tuple(steps),
        _seconds(evaluation),
        max((fit.activation_bytes for fit in fits), default=0),
        max((fit.attached_bytes for fit in fits), default=0),
    )


def _closed_form(plan: Plan, evaluator: Evaluator) -> Timing:
    split, request = plan.split, plan.request

    def build(part: Split) -> Any:
        return plan.model if part is split else build_model(plan.choice.to_dict(), part, "model")

    try:
        cost = time_fit(build, split, request.seed, SECONDS)
    except (RexpError, IndexError, ValueError) as error:
        untimed = (NOT_TIMED, f"not timed: no part of the data can be fitted ({error})")
        return Timing((untimed,) * len(plan.recipe.steps), NOT_TIMED)
    whole = cost.items == split.n_items
    told = "fitted" if whole else f"from fits of up to {cost.items:,} of {split.n_items:,} items"
    fit = Seconds(cost.seconds), told
    steps = [fit if isinstance(step, TrainingStep) else (NOT_TIMED, "not timed") for step in plan.recipe.steps]
    evaluation = (
        time_evaluation(cost.model, evaluator)
        if whole
        else time_on_part(cost.model, cost.part, request.evaluate, "test", split.n_items)
    )
    weights = round(sizes(cost.model)["tensor_bytes"] * split.n_items / cost.items)
    return Timing(tuple(steps), _seconds(evaluation), fit_bytes=cost.bytes, weight_bytes=weights, carried=not whole)


def _training(
    plan: Plan, store: Store, step: TrainingStep, place: int, untrained: Mapping[str, Node], folder: Path
) -> _Fit:
    """Time the first steps of a fit."""
    own = replace(plan, model=deepcopy(plan.model))
    recipe = recipe_of(own, step)
    started = time.perf_counter()
    attached = _attached(own, store, step, place, recipe, untrained, folder)
    attaching = time.perf_counter() - started
    hooks, without = (None, f"; without {_labels(step)}: {attached}") if isinstance(attached, str) else (attached, "")
    found = time_steps(training_job(own, recipe, own.model, folder, hooks), SECONDS)
    seconds, note = found.epoch * recipe.max_epochs, f"{recipe.max_epochs} epochs of {found.epoch:.2g} s"
    if hooks:
        seconds, note = seconds + attaching, f"{attaching:.2g} s before the first epoch, {note}"
    if recipe.validate_on != "none":
        each = _validation(own, recipe)
        if each is not None:
            times = -(-recipe.max_epochs // recipe.validate_every)
            seconds, note = seconds + times * each, f"{note}, {times} validations of {each:.2g} s"
    if recipe.patience:
        note += " unless patience ends it earlier"
    inside = 0 if hooks is None else trained_bytes(hooks)
    attached_bytes = 2 * inside + MOMENTS[recipe.optimizer] * inside
    return _Fit(Seconds(seconds, complete=not without), note + without, found.activation_bytes, attached_bytes)


def _attached(
    plan: Plan,
    store: Store,
    step: TrainingStep,
    place: int,
    recipe: FitConfig,
    untrained: Mapping[str, Node],
    folder: Path,
) -> Attachments | str | None:
    """The stages at work inside a fit; nothing where there are none, or why they cannot be had now."""
    if not step.stages:
        return None
    view = probe_teacher(plan, store, untrained, folder) if plan.teaching.runs else None
    if isinstance(view, str):
        return view
    try:
        return attachments_of(plan, store, step, place, recipe, lambda: view)[0]
    except RexpError as error:
        return f"not to be attached to an untrained model ({error})"


def _validation(plan: Plan, recipe: FitConfig) -> float | None:
    part = "valid" if recipe.validate_on == "valid" else "test"
    rules = validation_config(plan.request.evaluate, plan.split)
    device = next(plan.model.parameters()).device
    return time_evaluation(plan.model, Evaluator(plan.split, rules, part, device))  # type: ignore[arg-type]


def _labels(step: TrainingStep) -> str:
    return " and ".join(stage.label for stage in step.stages)


def _seconds(found: float | None) -> Seconds:
    return NOT_TIMED if found is None else Seconds(found)
