"""A teacher is a run: found in the store, or made there, before its student."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rexp.errors import ConfigError

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from rexp.config.request import Request
    from rexp.store.store import Store


def teacher_of(config: DictConfig, request: Request, labels: Mapping[str, str], store: Store) -> str | None:
    """The id of the finished run that teaches; it is trained now where the store does not have it.

    A teacher takes data, split, evaluation and devices from its student's run and nothing else: its recipe is its own,
    its seed is 0 unless ``teacher.seed`` says otherwise.

    Raises:
        ConfigError: a stage needs a teacher, and none is named.
    """
    if not request.recipe.needs_teacher:
        return None
    node = request.raw["teacher"]
    if not node:
        raise ConfigError(
            "a stage of compress.order needs a teacher; name one with model@teacher=NAME, or a stored run with "
            "+teacher.from=RUN"
        )
    if named := node.get("from"):
        return store.resolve(str(named))
    from rexp.run import run

    outcome = run(_alone(config), {**labels, "model": str(node["name"]), "compress": "none"}, sweeping=True)
    return str(outcome.result["run_id"])


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
