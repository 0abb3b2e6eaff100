"""Facts of the running Hydra job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf


def task_overrides() -> list[str]:
    """The job's overrides; what stands behind their keys may hold references, which are not followed here."""
    words: Any = OmegaConf.to_container(HydraConfig.get().overrides.task)
    return [str(word) for word in words]


def config_folders() -> list[Path]:
    """The folders that Hydra searches for this job, in their order; none outside of one."""
    if not HydraConfig.initialized():
        return []
    sources = HydraConfig.get().runtime.config_sources
    return [Path(source.path) for source in sources if source.schema == "file" and source.path]


def is_multirun() -> bool:
    """Whether the command is a sweep."""
    return bool(HydraConfig.get().mode == RunMode.MULTIRUN)
