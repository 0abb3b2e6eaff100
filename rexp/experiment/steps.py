"""The steps of a run: the model as its recipe leaves it, each step done now or taken from a run that began alike.

What a step depends on is less than what a run is: another cut, metric or retriever measures the same model, and another
last stage begins with the same fit. So a sweep over them trains once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import torch

from rexp.api import Requirement, StageContext
from rexp.compress.distill import stored_teacher
from rexp.compress.distill.standardized_ensemble import combine
from rexp.compress.distill.stored_teacher import StoredTeacher
from rexp.compress.student import Student
from rexp.compress.surgery import describe_replacements, restore
from rexp.config.recipe import StageStep, TrainingStep
from rexp.config.validation import validation_config
from rexp.errors import ConfigError
from rexp.evaluate.evaluator import Evaluator, device_of
from rexp.experiment.restore import build_model, load_model
from rexp.io.text import say
from rexp.measure.parameter_counts import sizes
from rexp.plugins.used_code import used_code
from rexp.store.identity import alias_key
from rexp.store.result import SELF
from rexp.store.weights import load_state, save_model
from rexp.train.fit import fit
from rexp.train.job import FitJob
from rexp.train.model_selection import better, copy_weights, monitored
from rexp.train.rng import derived_seed, seed_everything
from rexp.train.stage_hooks import Attachments, check_hook

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.api import RecommenderModule, TeacherView
    from rexp.config.plan import Plan
    from rexp.config.recipe import ConfiguredStage
    from rexp.config.teachers import Teacher
    from rexp.data.types import Part
    from rexp.io.json_types import Json
    from rexp.store.result import RunResult
    from rexp.store.store import Store
    from rexp.train.config import FitConfig

OF_EPOCH = ("train_loss", "samples_per_second")
"""What an epoch's values hold beside metrics; to trackers, these are told with the part they are measured on."""
Weights = Mapping[str, "Tensor"]
Log = Callable[[Mapping[str, float], int], None]
MakeTeacher = Callable[[], "TeacherView | None"]


def run_steps(plan: Plan, store: Store, run: str, log: Log, place_of_run: str = "") -> list[Json]:
    """Bring the plan's model through all its steps, in place.

    Args:
        plan: the job.
        store: where a run with the same first steps may lie, and where this one writes its epochs.
        run: this run's id.
        log: is told the values of every epoch, and its number.
        place_of_run: which of several runs this is, for the eye: ``run 2 of 4``.

    Returns:
        One report a step: ``step`` (its words), seconds, sizes after it, and what a fit says of its epochs;
        ``taken_from`` names the run whose step was reused.
    """
    steps = plan.recipe.steps
    initial = _initial(plan)
    known, done = furthest(plan, store)
    reports: list[Json] = []
    if known is not None:
        stored = store.result(known)
        words = [step.words for step in steps[:done]]
        say(f"trained already: {_text(words)} is taken from run {known}, which did the same")
        reports = [report | {"taken_from": report.get("taken_from", known)} for report in stored.steps[:done]]
        _load(plan.model, store, known, stored, done)
    for place in range(done, len(steps)):
        step = steps[place]
        if where := _where(place_of_run, place, [step.words for step in steps]):
            say(where)
        teacher = cache(partial(_teacher, plan, store, run, place))  # made if a stage of the step asks it
        if isinstance(step, TrainingStep):
            report = _train(plan, store, run, step, place, teacher, log)
        else:
            report = _apply(plan, store, step, place, teacher, initial)
        reports.append({"step": step.words, **report, **_state(plan, store, run, place)})
    return reports


@contextmanager
def exclusive_fit(plan: Plan, store: Store) -> Iterator[None]:
    """Of several runs that begin alike, let one pass at a time until it is done, so that the others can take it."""
    _, done = furthest(plan, store)
    if done:
        yield
        return
    with store.lock(f"fit-{step_key(plan, plan.recipe.first_fit + 1)[:12]}"):
        yield


def register_steps(plan: Plan, store: Store, run: str, reports: Sequence[Json]) -> None:
    """Let later runs that begin alike find this one, once it is committed.

    Weights between steps lie in the run that did the step; the one that took them holds those of its end alone.
    """
    for steps, report in enumerate(reports, 1):
        if "taken_from" not in report or steps == len(reports):
            store.set_alias(step_key(plan, steps), run)


def step_key(plan: Plan, steps: int) -> str:
    """The alias of the first ``steps`` of a run, which all runs have that begin alike."""
    return alias_key({"steps": plan.steps_identity(steps)})


def furthest(plan: Plan, store: Store) -> tuple[str | None, int]:
    """A finished run that began with the most of these steps, and how many they are."""
    if not plan.request.force:
        for steps in range(len(plan.recipe.steps), 0, -1):
            if known := store.alias(step_key(plan, steps)):
                return known, steps
    return None, 0


def _load(model: RecommenderModule, store: Store, known: str, stored: RunResult, done: int) -> None:
    """Put the weights after the first steps of a finished run into the model, with the modules that its stages made."""
    restore(model, stored.steps[done - 1]["parts"])
    whole = done == len(stored.steps)
    load_state(model, store.directory(known), None if whole else done)


def _state(plan: Plan, store: Store, run: str, place: int) -> Json:
    """What the model is after a step; its weights are written, but those of the last step are the result's own."""
    steps = plan.recipe.steps
    stages = {stage.name: stage.plugin for step in steps[: place + 1] for stage in step.stages}
    state: Json = {"parts": describe_replacements(plan.model, stages), "sizes": sizes(plan.model)}
    if place + 1 < len(steps):
        state["weights"] = save_model(plan.model, store.directory(run), f"step-{place + 1}.safetensors")
    return state


def _teacher(plan: Plan, store: Store, run: str, place: int) -> TeacherView | None:
    """The teacher's lists, logits and vectors; of a model that teaches itself, as it is before the step."""
    runs = plan.teaching.runs
    if not runs:
        return None

    models = [
        deepcopy(plan.model) if teacher.run == SELF else load_model(store, teacher.run, plan.split, "teacher")
        for teacher in runs
    ]
    if any(teacher.run == SELF for teacher in runs):
        kept = store.directory(run) / "checkpoints" / f"teaching-{place + 1}"  # goes with the checkpoints
    else:
        kept = store.directory(runs[0].run) / "teaching"
    code = _code_of(plan, runs)
    if len(runs) == 1:
        return StoredTeacher(models[0], plan.split, kept, code)
    together = alias_key({"teachers": plan.teaching.plain(), "ensemble": plan.teaching.ensemble})[:12]
    model = combine(models, [teacher.weight for teacher in runs], plan.split, plan.teaching.ensemble)
    return StoredTeacher(model, plan.split, kept / together, code)


def _code_of(plan: Plan, runs: Sequence[Teacher]) -> dict[str, str]:
    """The code that the teachers are asked with, by distribution."""
    stages = [("stage", stage.name) for step in plan.recipe.steps for stage in step.stages]
    own = [("model", plan.request.model["name"]), *stages]
    plugins = [plugin for teacher in runs for plugin in plan.loaded.get(teacher.run, own)]
    return used_code(plugins, stored_teacher.__name__)


def _online(plan: Plan, store: Store) -> RecommenderModule | None:
    """The model that learns beside its student, with the weights it starts from."""
    if (node := plan.teaching.online) is None:
        return None
    if node["from"]:
        return load_model(store, node["from"], plan.split, "teacher")
    return build_model({key: value for key, value in node.items() if key != "from"}, plan.split, "teacher")


def _context(plan: Plan, store: Store, place: int, inside: int, teacher: MakeTeacher, stage: ConfiguredStage) -> Any:
    """What a stage may know; its chance follows from the run's seed and its place."""
    seed = derived_seed(plan.request.seed, 4, place, inside)
    seed_everything(seed)  # layers take their initial values from the global generator
    needs = stage.needs
    view = teacher() if Requirement.TEACHER in needs else None
    epochs = plan.fit.recipe.max_epochs if plan.fit else 0
    online = _online(plan, store) if Requirement.ONLINE in needs else None
    validate = _validate(plan) if Requirement.VALIDATION in needs else None
    generator, student = torch.Generator().manual_seed(seed), Student(plan.model, plan.split)
    return StageContext(plan.split, generator, view, epochs, online=online, validate=validate, student=student)


def _measuring(plan: Plan, part: Part) -> Callable[[RecommenderModule], Mapping[str, float]]:
    """Measures models as between the epochs of a fit."""
    evaluator = cache(
        partial(Evaluator, plan.split, validation_config(plan.request.evaluate, plan.split), part)
    )  # one a device
    return lambda model: evaluator(device_of(model))(model).metrics


def _validate(plan: Plan) -> Callable[[], float]:
    """The plan's model on the validation part, by the fit's monitor; higher is better."""
    assert plan.fit is not None
    monitor, measure = plan.fit.recipe.monitor, _measuring(plan, "valid")

    def validate() -> float:
        metrics = measure(plan.model)
        name = monitored(metrics, monitor)
        return metrics[name] if better(name, 1.0, 0.0) else -metrics[name]

    return validate


def _found(found: Mapping[str, Mapping[str, float]]) -> Json:
    """What stages found, by their labels, for a step's report."""
    told = {label: dict(numbers) for label, numbers in found.items() if numbers}
    return {"found": told} if told else {}


def _initial(plan: Plan) -> Weights | None:
    """The weights that the fit starts from, where a stage needs them."""
    if not plan.recipe.needs(Requirement.INITIAL):
        return None

    if not isinstance(plan.recipe.steps[0], TrainingStep):
        raise ConfigError("what goes back to the initial weights takes a model without stages before its fit")
    return copy_weights(plan.model)


def _apply(
    plan: Plan, store: Store, step: StageStep, place: int, teacher: MakeTeacher, initial: Weights | None
) -> Json:
    started = time.perf_counter()
    context = replace(_context(plan, store, place, 0, teacher, step.stage), initial=initial)
    step.stage.choice.make().apply(plan.model, context)
    selected = {"selected": "closed form"} if place == plan.recipe.first_fit else {}
    seconds = time.perf_counter() - started
    return {**selected, "seconds": seconds, **_found({step.stage.label: context.found})}


def _train(
    plan: Plan,
    store: Store,
    run: str,
    step: TrainingStep,
    place: int,
    teacher: MakeTeacher,
    log: Log,
) -> Json:
    """Fit in place; what the report says of epochs and selection goes into the result."""
    request, split, model = plan.request, plan.split, plan.model
    started = time.perf_counter()
    if plan.fit is None:
        model.fit(split, torch.Generator().manual_seed(request.seed))
        return {"selected": "closed form", "seconds": time.perf_counter() - started}
    recipe = recipe_of(plan, step)
    first, directory = place == plan.recipe.first_fit, store.directory(run)
    part: Part = "valid" if recipe.validate_on == "valid" else "test"
    measure = _measuring(plan, part)

    def on_epoch(epoch: int, values: Mapping[str, float]) -> None:
        if first:
            store.append_metrics(run, {"epoch": epoch, **values})
        log({name if name in OF_EPOCH else f"{part}/{name}": value for name, value in values.items()}, epoch)

    attachments, found = attachments_of(plan, store, step, place, recipe, teacher)
    job = FitJob(
        model,
        split,
        recipe,
        request.device,
        loss=plan.fit.loss.make() if plan.fit.loss else None,
        sampler=plan.fit.sampler.make(split) if plan.fit.sampler else None,
        seed=_seed(plan, place),
        directory=directory if first else directory / "checkpoints" / f"step-{place + 1}",
        validate=None if recipe.validate_on == "none" else measure,
        on_epoch=[on_epoch],
        attachments=attachments,
        fitted=not first,
    )
    return {**fit(job).summary(), **_found(found)}


def recipe_of(plan: Plan, step: TrainingStep) -> FitConfig:
    """The recipe of a fit; a fine-tune's has other words for some keys."""
    assert plan.fit is not None
    if step.kind == "fit":
        return plan.fit.recipe
    return replace(plan.fit.recipe, **plan.request.finetune)


def attachments_of(
    plan: Plan, store: Store, step: TrainingStep, place: int, recipe: FitConfig, teacher: MakeTeacher
) -> tuple[Attachments, Mapping[str, Mapping[str, float]]]:
    """The stages that act inside a fit, attached to the model, and what they found by their labels."""
    modules, generators, found = [], [], {}
    for inside, stage in enumerate(step.stages):
        context = replace(_context(plan, store, place, inside, teacher, stage), max_epochs=recipe.max_epochs)
        hook = stage.choice.make().attach(plan.model, context)
        check_hook(hook, plan.model, f"stage '{stage.label}' ({stage.name})")
        modules.append(hook)
        generators.append(context.generator)
        found[stage.label] = context.found
    return Attachments(modules, generators, _seed(plan, place)), found


def _seed(plan: Plan, place: int) -> int:
    """The first fit has the run's own seed, as if nothing stood before it."""
    return plan.request.seed if place == plan.recipe.first_fit else derived_seed(plan.request.seed, 5, place)


def _where(run: str, place: int, words: list[Any]) -> str:
    """Which step is going on, where there is more than one step, or run.

    >>> _where("run 2 of 4", 0, [["fit", "distill"], "quant"])
    'run 2 of 4 · step 1 of 2: fit+distill'
    >>> _where("", 0, ["fit"])
    ''
    """
    if not run and len(words) == 1:
        return ""
    return " · ".join(filter(None, [run, f"step {place + 1} of {len(words)}: {_text(words[place : place + 1])}"]))


def _text(words: list[Any]) -> str:
    return ", ".join("+".join(word) if isinstance(word, list) else str(word) for word in words)
