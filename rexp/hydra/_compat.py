"""Private parts of Hydra that nothing public stands for; what an update of Hydra may break is here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig

__all__ = ["ConfigLoaderImpl", "apply_values", "combinations"]


def apply_values(values: list[Override], config: DictConfig) -> None:
    """Set the values of keys in a merged configuration, as Hydra does after it has merged its groups."""
    ConfigLoaderImpl._apply_overrides_to_config(values, config)


def combinations(overrides: list[Override]) -> Sequence[Sequence[str]]:
    """Every combination of the values given, as overrides."""
    (jobs,) = BasicSweeper.split_arguments(overrides, max_batch_size=None)
    return jobs
