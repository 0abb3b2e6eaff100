"""Reference models shown in a single run's table: the same protocol with another model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from hydra import compose
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict

from rexp.api.dataset import LABELED, PROTOCOL
from rexp.config.rating_metrics import rating_metrics
from rexp.errors import ConfigError
from rexp.hydra.error_messages import user_message
from rexp.plugins import registry
from rexp.train.config import FitConfig

OF_RANKINGS = ("ease", "pop")
OF_RATINGS = ("mean", "bias")
OF_COLD_ITEMS = ("random",)
"""What a figure of cold items means depends on how many there are; models of interactions know nothing of them."""


def reference_jobs(config: DictConfig) -> Iterator[tuple[str, DictConfig]]:
    """Each model of ``references`` with its configuration: data, evaluation and seed of the job, its own recipe."""
    for name in _names(config) if config.model else []:  # a run without a model is refused later, by name
        if name == config.model.name:
            continue
        other = OmegaConf.create(OmegaConf.to_container(config))
        assert isinstance(other, DictConfig)
        with open_dict(other):
            other.model = _model(name)
            other.loss = other.sampler = other.teacher = None
            other.teachers = {}
            other.compress = {"order": ["fit"], "stages": {}}
            other.track = {}
            other.force = False
            for field in fields(FitConfig):
                if field.name in other.train:
                    other.train[field.name] = None
        yield name, other


def _names(config: DictConfig) -> list[str]:
    """What was asked for; else means of ratings where rows are labeled or a metric of ratings is measured; else EASE
    and popularity, and chance where cold items count, alone or too."""
    if config.references is not None:
        return list(config.references)
    if _is_labeled(config) or _measures_ratings(config):
        return list(OF_RATINGS)
    rules = config.evaluate or {}
    if rules.get("catalogue") == "cold" or rules.get("targets") == "cold":
        return list(OF_COLD_ITEMS)
    return [*OF_RANKINGS, *(OF_COLD_ITEMS if rules.get("catalogue") == "all" else ())]


def _is_labeled(config: DictConfig) -> bool:
    """Negatives are among the rows, which models of rankings would take for positives."""
    data = config.data
    if not data or data.get("name") not in registry.names("data"):
        return False
    return bool(data.get(LABELED.name, LABELED.of(registry.load("data", data.name))))


def _measures_ratings(config: DictConfig) -> bool:
    protocol = (config.evaluate or {}).get("protocol")
    if protocol in (None, "auto") and config.data and config.data.get("name") in registry.names("data"):
        protocol = PROTOCOL.of(registry.load("data", config.data.name))
    if protocol != "pointwise":
        return False

    known = registry.names("metric")  # another name is refused by the run itself
    return bool(rating_metrics(name for name in config.evaluate.row_metrics if name in known))


def _model(name: str) -> DictConfig:
    arguments = [f"model={name}"]
    try:
        node = compose("config", overrides=arguments).model
    except HydraException as error:
        raise ConfigError(f"references=[{name}]: {user_message(error, arguments, composing=True)}") from error
    assert isinstance(node, DictConfig)
    return node
