"""A teacher is a run: found in the store, or made there, before its student."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf, open_dict

from rexp.api import Capability, Requirement
from rexp.config.job import OF_TEACHER, TEACHER_RESERVED
from rexp.config.recipe import TrainingStep, check_model
from rexp.config.teachers import Teacher, Teachers
from rexp.errors import ConfigError
from rexp.evaluate.context_rule import resolve_context, rules_of_teacher
from rexp.evaluate.protocol import resolve
from rexp.experiment.weak_teacher import check_teacher
from rexp.io.text import warn
from rexp.plugins.choice import Choice
from rexp.plugins.memory import check_size
from rexp.store.result import SELF
from rexp.train.config import FitConfig

if TYPE_CHECKING:
    from rexp.api import RecommenderModule
    from rexp.config.job import Request
    from rexp.config.recipe import ConfiguredStage
    from rexp.data.split import Split
    from rexp.experiment.outcome import Outcome
    from rexp.plugins.options import Node
    from rexp.store.result import RunResult
    from rexp.store.store import Store


def resolve_teachers(
    config: DictConfig, request: Request, store: Store, split: Split, *, train: Callable[..., Outcome]
) -> Teachers:
    """Resolve the teachers of a job to finished runs, training those that the store does not have.

    A teacher takes data, split, evaluation and devices from its student's run and nothing else: its recipe is its own,
    its seed is 0 unless ``teacher.seed`` says otherwise. One that learns beside its student has no run.

    Args:
        train: :func:`rexp.experiment.run.run`, which makes a teacher's run.

    Raises:
        ConfigError: a stage needs a teacher, and none is named; or student or teacher lack what a stage needs, which
            is told before a teacher is trained; or a teacher was compressed, or learned from other data; or it is
            weak, and that is to stop the run.
    """
    nodes = request.teachers
    known = find_teachers(request, store, split)
    if isinstance(known, Teachers):
        return known
    runs = {key: run or _trained(key, config, request, split, train) for key, run in known.items()}
    if len(set(runs.values())) < len(runs):
        raise ConfigError(f"{' and '.join(runs)} are one and the same teacher; say teacher.weight for a heavier one")
    for key, run in runs.items():
        if run != SELF and _twins(request, store.result(run)):
            warn(
                f"the student has the options and the seed of {key}={run}, and begins with the weights that it "
                f"began with; give seed or {key}.seed another value"
            )
    for key, run in runs.items():
        if run != SELF:
            check_teacher(request, key, nodes[key], run, _named_options(request.model, "model"), store, split)
    return weighted(request, runs, split)


def find_teachers(request: Request, store: Store, split: Split) -> Teachers | dict[str, str | None]:
    """The teachers of a job as far as they are known before any is trained, each checked.

    Returns:
        The run of each by its key, None for one that has to be trained; or the teachers themselves where a job has no
        run for any: it needs none, or its teacher learns beside its student.

    Raises:
        ConfigError: see :func:`resolve_teachers`.
    """
    recipe, nodes = request.recipe, request.teachers
    if not recipe.needs_teacher:
        return Teachers()
    if not nodes:
        raise ConfigError(
            "a stage of compress.order needs a teacher; name one with model@teacher=NAME, or a stored run with "
            "teacher.from=RUN"
        )
    check_model(recipe, _built(request.model, split, "model"), request.model["name"], validated=len(split.valid) > 0)
    if recipe.needs(Requirement.ONLINE):
        return Teachers(online=_online(request, nodes, store, split))
    return {key: _found(key, node, request, store, split) for key, node in nodes.items()}


def weighted(request: Request, runs: Mapping[str, str], split: Split) -> Teachers:
    """The teachers of a job with their shares in what they teach, from their runs by the keys of their nodes."""
    weights = {key: _weight(key, node) for key, node in request.teachers.items()}
    shares = tuple(Teacher(run, weights[key] / sum(weights.values())) for key, run in runs.items())
    return Teachers(shares, ensemble=_ensemble(request, split))


def _ensemble(request: Request, split: Split) -> str:
    """How the teachers become one; ``auto`` takes the mean of vectors, and of scores that may depend on a context."""
    ensemble = str(request.raw["ensemble"])
    if len(request.teachers) < 2:
        return "mean"
    if ensemble != "auto":
        return ensemble
    return "mean" if split.contexts or any(map(_compares_vectors, _stages(request))) else "standardized"


def _compares_vectors(stage: ConfiguredStage) -> bool:
    needs: frozenset[Requirement] = stage.plugin.needs
    return {Requirement.TEACHER, Requirement.VECTORS} <= needs


def _found(key: str, node: Node, request: Request, store: Store, split: Split) -> str | None:
    """The stored run that a node names; None for one that has to be trained, which is checked before that."""
    if node.get("from") == SELF:
        _check_self(request)
        return SELF
    if named := node.get("from"):
        run = store.resolve(str(named))
        result = _usable(store, run, key, split)
        _check_teacher(request, result.capabilities, result.model_name)
        return run
    _check_teacher(request, _built(node, split, key).capabilities(), node["name"])
    return None


def _trained(key: str, config: DictConfig, request: Request, split: Split, train: Callable[..., Outcome]) -> str:
    outcome = train(teacher_job(config, key, request, split), sweeping=True, recipe_folders=request.recipe_folders)
    return outcome.result.run_id


def _twins(request: Request, teacher: RunResult) -> bool:
    """Student and teacher are drawn alike, which is no distillation between two models."""
    own = _named_options(request.model, "model")
    return request.seed == teacher.seed and own == teacher.model_config


def _online(request: Request, nodes: Mapping[str, Node], store: Store, split: Split) -> Node:
    """The model that learns beside its student, as plain values."""
    if len(nodes) > 1:
        raise ConfigError(f"a student has one teacher that learns beside it, not {' and '.join(nodes)}")
    ((key, node),) = nodes.items()
    for stage in _stages(request):
        if Requirement.TEACHER in stage.plugin.needs:
            raise ConfigError(
                f"stage '{stage.label}' ({stage.name}) needs a finished teacher, and another one that learns beside "
                "its student; take one of them"
            )
    if node.get("from") == SELF:
        raise ConfigError(f"{key}.from=self: a model cannot learn beside itself; name a model, or a run to start from")
    if node.get("from"):
        run = store.resolve(str(node["from"]))
        return {**_usable(store, run, key, split).model_config, "from": run}
    return {**_named_options(node, key), "from": None}


def _weight(key: str, node: Node) -> float:
    weight = node.get("weight", 1)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not weight > 0:
        raise ConfigError(f"{key}.weight={weight!r} must be a number above 0")
    return float(weight)


def _usable(store: Store, run: str, key: str, split: Split) -> RunResult:
    """The result of a finished run of this data that was not compressed."""
    result = store.result(run)
    if split.family and result.family == split.family and result.fingerprint != split.fingerprint:
        raise ConfigError(
            f"{key}.from={run} was trained on another fold (data.split.fold={result.fold}), whose training rows are "
            "tested here; name a run of the same fold, or a model (model@teacher=NAME), which is trained on each"
        )
    if result.fingerprint != split.fingerprint:
        its = f"{result.data['name']} {result.fingerprint[:8]}"
        raise ConfigError(
            f"{key}.from={run} was trained on other data ({its}) than its student would be ({split.name} "
            f"{split.fingerprint[:8]}): its ids mean other users and items; name a run of the same data and split"
        )
    if result.parts:
        raise ConfigError(
            f"{key}.from={run} was compressed ({', '.join(map(str, result.compress_order))}); "
            "learn from the dense model instead"
        )
    return result


def _check_self(request: Request) -> None:
    """Inside the first fit there is no earlier state."""
    for step in request.recipe.steps:
        first = isinstance(step, TrainingStep) and step.kind == "fit"
        for stage in step.stages if first else ():
            if Requirement.TEACHER in stage.plugin.needs:
                raise ConfigError(
                    f"teacher.from=self: inside the first fit '{stage.label}' has no earlier state to learn from; "
                    f"write compress.order=[fit,[finetune,{stage.label}]]"
                )


def _choice(node: Node, where: str) -> Choice:
    return Choice.of("model", node, where, TEACHER_RESERVED)


def _named_options(node: Node, where: str) -> Node:
    """The model's name and options, as a stored configuration has them."""
    return _choice(node, where).to_dict()


def _built(node: Node, split: Split, where: str) -> RecommenderModule:
    """The model as its node has it, to be asked what it can do."""
    choice = _choice(node, where)
    check_size(lambda: choice.make(split.spec), where)
    model: RecommenderModule = choice.make(split.spec)
    return model


def _check_teacher(request: Request, capabilities: Collection[str], name: str) -> None:
    """Refuse a teacher without what a stage asks it for: vectors, or scores of any pair."""
    ensemble = request.raw["ensemble"] if len(request.teachers) > 1 else "mean"
    asked = ensemble not in ("auto", "mean")
    if asked and Capability.READS_CONTEXT in capabilities:
        raise ConfigError(
            f"ensemble={ensemble} puts every user's scores on one scale, and those of teacher={name} differ by "
            "context; take ensemble=mean"
        )
    embeds, listed = Capability.HAS_EMBEDDINGS in capabilities, Capability.LISTS_ONLY in capabilities
    if listed and len(request.teachers) > 1:
        raise ConfigError(f"teacher={name} has lists alone, and no mean with the scores of others; leave one out")
    for stage in _stages(request):
        if listed and Requirement.PAIRS in stage.needs:
            raise ConfigError(
                f"stage '{stage.label}' ({stage.name}) asks for scores of any pair, and teacher={name} has those of "
                "its lists alone; take one that reads lists (kd with mode=listwise, rrd, rd, hard_labels, unkd, dcd)"
            )
        if asked and _compares_vectors(stage):
            raise ConfigError(
                f"stage '{stage.label}' ({stage.name}) compares vectors of users and items, and ensemble={ensemble} "
                "has scores alone; take ensemble=mean, or a stage that reads scores (kd, rrd)"
            )
        if not embeds and _compares_vectors(stage):
            raise ConfigError(
                f"stage '{stage.label}' ({stage.name}) compares vectors of users and items, and teacher={name} has "
                "none; take one that has (mf, lightgcn, two_tower), or a stage that reads scores (kd, rrd)"
            )


def _stages(request: Request) -> Iterator[ConfiguredStage]:
    return (stage for step in request.recipe.steps for stage in step.stages)


def teacher_job(config: DictConfig, key: str, request: Request, split: Split) -> DictConfig:
    """The configuration of a teacher's own run.

    Lists are measured by the full ranking whatever the student is measured by: of most candidates and rows they say
    nothing. A teacher that reads contexts is ranked in them where its student is ranked without.

    Args:
        config, request: the student's.
        key: the teacher's.
        split: the data.
    """
    node = request.teachers[key]
    protocol = resolve(request.evaluate, split)
    # A model is built to be asked where the answer matters alone.
    asked = protocol not in ("full", "two_stage") or resolve_context(request.evaluate, split, protocol) == "none"
    can = _built(node, split, key).capabilities() if asked else frozenset()
    full = protocol == "two_stage" or Capability.LISTS_ONLY in can
    rules = rules_of_teacher(request.evaluate, split, protocol, can)
    other = OmegaConf.create(OmegaConf.to_container(config, resolve=True))
    assert isinstance(other, DictConfig)
    with open_dict(other):
        other.model = OmegaConf.create(node)
        other.seed = other.model.pop("seed", None) or 0
        for own_of_teacher in OF_TEACHER:
            other.model.pop(own_of_teacher, None)
        other.teacher = other.loss = other.sampler = other.retriever = None
        other.teachers, other.ensemble = {}, "auto"
        other.compress = {"order": ["fit"], "stages": {}, "finetune": other.compress.get("finetune", {})}
        other.force = False
        if full:
            other.evaluate.protocol = "full"
        other.evaluate.context = rules.context
        for field in fields(FitConfig):
            if field.name in other.train:
                other.train[field.name] = None
    return other
