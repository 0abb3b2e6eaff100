"""Composition in this process: what ``python -m rexp ARGUMENTS`` would run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra

from rexp.config.schema import Root
from rexp.hydra.config_sources import install
from rexp.hydra.launch import conf_dir

if TYPE_CHECKING:
    from omegaconf import DictConfig


@pytest.fixture
def composed() -> Iterator[Callable[..., DictConfig]]:
    """The composed configuration of some overrides."""
    install()
    ConfigStore.instance().store("rexp_schema", node=Root)
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        yield lambda *overrides: compose("config", overrides=list(overrides))
    GlobalHydra.instance().clear()
