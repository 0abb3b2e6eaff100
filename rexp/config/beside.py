"""The reference models that a single run's table shows beside it: the same protocol, another model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from omegaconf import DictConfig, OmegaConf, open_dict

from rexp.train.recipe import FitConfig


def beside(config: DictConfig) -> Iterator[tuple[str, DictConfig]]:
    """Each model of ``beside`` and its configuration: the job's data, evaluation and seed, the model's own recipe."""
    from hydra import compose

    for name in config.beside if config.model else []:  # a run without a model is refused later, by name
        if name == config.model.name:
            continue
        other = OmegaConf.create(OmegaConf.to_container(config))
        assert isinstance(other, DictConfig)
        with open_dict(other):
            other.model = compose("config", overrides=[f"model={name}"]).model
            other.loss = other.sampler = other.teacher = None
            other.compress = {"order": ["fit"], "stages": {}}
            other.track = {}
            other.force = False
            for field in fields(FitConfig):
                if field.name in other.train:
                    other.train[field.name] = None
        yield name, other
