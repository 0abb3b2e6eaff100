"""Configurations composed in this process, as the command line would compose them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.version import VersionBase
from omegaconf import open_dict

from rexp.config.schema import Root
from rexp.errors import ConfigError
from rexp.hydra.config_sources import install
from rexp.hydra.error_messages import user_message
from rexp.hydra.overrides import normalize_overrides
from rexp.io.yaml import check_folder
from rexp.plugins.conf_dirs import conf_dir

if TYPE_CHECKING:
    from omegaconf import DictConfig


@contextmanager
def hydra_session() -> Iterator[None]:
    """Hydra as the command line sets it up, for calls of :func:`compose_job`; within a Hydra application too."""
    install()
    ConfigStore.instance().store("rexp_schema", node=Root)
    with _set_aside(), initialize_config_dir(str(conf_dir()), version_base="1.3", job_name="rexp"):
        yield


@contextmanager
def _set_aside() -> Iterator[None]:
    """The application's own Hydra, of which a process has one, and the version that it is compatible with."""
    outer, version = GlobalHydra.instance().hydra, VersionBase.instance().getbase()
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        GlobalHydra.instance().hydra = outer
        VersionBase.instance().version_base = version


def compose_job(overrides: Sequence[str], config_dir: Path | None = None) -> DictConfig:
    """Compose one job within :func:`hydra_session`.

    Args:
        overrides: as on the command line.
        config_dir: a folder of further configurations, as ``--config-dir``.

    Raises:
        ConfigError: in one line, what cannot be composed.
    """
    extra = []
    if config_dir is not None:
        if not config_dir.is_dir():
            raise ConfigError(f"config_dir={config_dir}: there is no such folder")
        check_folder(config_dir)
        # Hydra's grammar would read a bare path's colons, commas and quotes as its own.
        place = str(config_dir.resolve()).replace("'", "\\'")
        extra = [f"hydra.searchpath=['file://{place}']"]
    try:
        config = compose("config", overrides=[*normalize_overrides(overrides), *extra], return_hydra_config=True)
    except Exception as error:
        fault = user_message(error, overrides, composing=True)
        if fault is None:
            raise
        raise fault from error
    with open_dict(config):
        del config["hydra"]
    return config


def is_group(key: str) -> bool:
    """Whether an override's key chooses a group's option (``model``, ``model@teacher``), in :func:`hydra_session`."""
    group = key.partition("@")[0]
    loader = GlobalHydra.instance().config_loader()
    return "." not in group and bool(loader.get_group_options(group, results_filter=ObjectType.CONFIG))
