"""Configurations composed in this process, as the command line would compose them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rexp.config.arguments import prepared

if TYPE_CHECKING:
    from omegaconf import DictConfig


@dataclass(frozen=True)
class Composed:
    """One job's configuration and its group choices (``model`` -> ``mf``)."""

    config: DictConfig
    labels: dict[str, str]


@contextmanager
def composing() -> Iterator[None]:
    """Hydra as the command line sets it up, for calls of :func:`composed`."""
    from hydra import initialize_config_dir
    from hydra.core.config_store import ConfigStore

    from rexp.config.hydra_plugins import install
    from rexp.config.launch import conf_dir
    from rexp.config.schema import Root

    install()
    ConfigStore.instance().store("rexp_schema", node=Root)
    with initialize_config_dir(str(conf_dir()), version_base="1.3", job_name="rexp"):
        yield


def composed(overrides: Sequence[str], config_dir: Path | None = None) -> Composed:
    """Compose one job within :func:`composing`.

    Args:
        overrides: as on the command line.
        config_dir: a folder of further configurations, as ``--config-dir``.

    Raises:
        ConfigError: in one line, what cannot be composed.
    """
    from hydra import compose
    from omegaconf import open_dict

    from rexp.config.complaints import explain

    # Hydra's grammar would read a bare path's colons and commas as its own.
    extra = [] if config_dir is None else [f"hydra.searchpath=['file://{config_dir.resolve()}']"]
    try:
        config = compose("config", overrides=[*prepared(overrides), *extra], return_hydra_config=True)
        labels = labels_of(config.hydra.runtime.choices)
    except Exception as error:
        fault = explain(error, overrides, composing=True)
        if fault is None:
            raise
        raise fault from error
    with open_dict(config):
        del config["hydra"]
    return Composed(config, labels)


def labels_of(choices: Mapping[str, Any]) -> dict[str, str]:
    """The group choices that name a run; what its teacher is called by among them.

    >>> labels_of({"model": "mf", "model@teacher": "lightgcn", "loss": None, "hydra/launcher": "basic"})
    {'model': 'mf', 'teacher': 'lightgcn'}
    """
    labels = {group: str(name) for group, name in choices.items() if name and "hydra" not in group and "@" not in group}
    if teacher := choices.get("model@teacher"):
        labels["teacher"] = str(teacher)
    return labels


def is_group(key: str) -> bool:
    """Whether an override's key, within :func:`composing`, chooses a group's option (``model``, ``model@teacher``)."""
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.object_type import ObjectType

    group = key.partition("@")[0]
    loader = GlobalHydra.instance().config_loader()
    return "." not in group and bool(loader.get_group_options(group, results_filter=ObjectType.CONFIG))
