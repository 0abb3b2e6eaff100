"""A teacher is a run: found in the store, or made there, before its student."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from rexp.errors import ConfigError

if TYPE_CHECKING:
    from omegaconf import DictConfig
    from torch import nn

    from rexp.config.request import Node, Request
    from rexp.data.split import Split
    from rexp.store.store import Store


SELF = "self"
"""``teacher.from=self``: the student's own state at the beginning of a step teaches it, and is no run."""


def teacher_of(
    config: DictConfig, request: Request, labels: Mapping[str, str], store: Store, split: Split
) -> str | None:
    """The id of the finished run that teaches, trained now where the store does not have it; or :data:`SELF`.

    A teacher takes data, split, evaluation and devices from its student's run and nothing else: its recipe is its own,
    its seed is 0 unless ``teacher.seed`` says otherwise.

    Raises:
        ConfigError: a stage needs a teacher, and none is named; or student or teacher lack what a stage needs, which
            is told before the teacher is trained; or the teacher was compressed.
    """
    if not request.recipe.needs_teacher:
        return None
    node = request.raw["teacher"]
    if not node:
        raise ConfigError(
            "a stage of compress.order needs a teacher; name one with model@teacher=NAME, or a stored run with "
            "+teacher.from=RUN"
        )
    if node.get("from") == SELF:
        _check_self(request)
        return SELF
    if named := node.get("from"):
        known = store.resolve(str(named))
        result = store.result(known)
        if result.get("parts"):
            raise ConfigError(
                f"teacher.from={named} was compressed ({', '.join(map(str, result['config']['compress']['order']))}); "
                "learn from the dense model instead"
            )
        _check_teacher(request, result["capabilities"], result["config"]["model"]["name"])
        return known
    from rexp.config.compression import check_model
    from rexp.run import run

    check_model(request.recipe, _built(request.model, split, "model"), request.model["name"])
    teacher = _built(node, split, "teacher")
    _check_teacher(request, teacher.capabilities(), node["name"])  # type: ignore[operator]

    outcome = run(_alone(config), {**labels, "model": str(node["name"]), "compress": "none"}, sweeping=True)
    return str(outcome.result["run_id"])


def _check_self(request: Request) -> None:
    """Inside the first fit there is no earlier state."""
    from rexp.api import Need
    from rexp.config.compression import TrainingStep

    for step in request.recipe.steps:
        first = isinstance(step, TrainingStep) and step.kind == "fit"
        for stage in step.stages if first else ():
            if Need.TEACHER in stage.plugin.needs:
                raise ConfigError(
                    f"teacher.from=self: inside the first fit '{stage.label}' has no earlier state to learn from; "
                    f"write compress.order=[fit,[finetune,{stage.label}]]"
                )


def _built(node: Node, split: Split, where: str) -> nn.Module:
    """The model as its node has it, to be asked what it can do."""
    from rexp import registry
    from rexp.config.request import MODEL_RESERVED
    from rexp.config.typed import build

    model_class = registry.load("model", node["name"])
    options = {key: value for key, value in node.items() if key not in MODEL_RESERVED}
    model: nn.Module = model_class(build(model_class.Config, options, where), split.spec)  # type: ignore[attr-defined]
    return model


def _check_teacher(request: Request, capabilities: Collection[str], name: str) -> None:
    """Refuse a teacher without vectors where a stage compares vectors."""
    from rexp.api import Capability, Need

    if Capability.EMBEDS in capabilities:
        return
    for step in request.recipe.steps:
        for stage in step.stages:
            if {Need.TEACHER, Need.VECTORS} <= stage.plugin.needs:
                raise ConfigError(
                    f"stage '{stage.label}' ({stage.name}) compares vectors of users and items, and teacher={name} has "
                    "none; take one that has (mf, lightgcn, two_tower), or a stage that reads scores (kd, rrd)"
                )


def _alone(config: DictConfig) -> DictConfig:
    """The configuration of a teacher's own run."""
    from dataclasses import fields

    from omegaconf import DictConfig, OmegaConf, open_dict

    from rexp.train.recipe import FitConfig

    other = OmegaConf.create(OmegaConf.to_container(config, resolve=True))
    assert isinstance(other, DictConfig)
    with open_dict(other):
        other.model = other.teacher
        other.seed = other.model.pop("seed", None) or 0
        other.teacher = other.loss = other.sampler = other.retriever = None
        other.compress = {"order": ["fit"], "stages": {}, "finetune": other.compress.get("finetune", {})}
        other.force = False
        if other.evaluate.protocol == "two_stage":
            other.evaluate.protocol = "full"
        for field in fields(FitConfig):
            if field.name in other.train:
                other.train[field.name] = None
    return other
