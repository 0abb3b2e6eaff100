"""A configuration composed from overrides in this process, as the command line would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omegaconf import DictConfig


def labels_of(choices: Mapping[str, Any]) -> dict[str, str]:
    """The group choices that name a run; what its teacher is called by among them.

    >>> labels_of({"model": "mf", "model@teacher": "lightgcn", "loss": None, "hydra/launcher": "basic"})
    {'model': 'mf', 'teacher': 'lightgcn'}
    """
    labels = {group: str(name) for group, name in choices.items() if name and "hydra" not in group and "@" not in group}
    if teacher := choices.get("model@teacher"):
        labels["teacher"] = str(teacher)
    return labels


def compose(overrides: Sequence[str]) -> tuple[DictConfig, dict[str, str]]:
    """The composed configuration, and its labels.

    Args:
        overrides: of a single run, as they stand on the command line.

    Raises:
        ConfigError: they do not compose.
    """
    import hydra
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra
    from omegaconf import open_dict

    from rexp.config.arguments import prepared
    from rexp.config.complaints import explain
    from rexp.config.hydra_plugins import install
    from rexp.config.launch import conf_dir
    from rexp.config.schema import Root

    install()
    ConfigStore.instance().store("rexp_schema", node=Root)
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(str(conf_dir()), version_base="1.3"):
            config = hydra.compose("config", prepared(overrides), return_hydra_config=True)
    except Exception as error:
        fault = explain(error, overrides, composing=True)
        if fault is None:
            raise
        raise fault from error
    labels = labels_of(config.hydra.runtime.choices)
    with open_dict(config):
        del config["hydra"]
    return config, labels
