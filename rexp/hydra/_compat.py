"""Private parts of Hydra that nothing public stands for; what an update of Hydra may break is here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig

__all__ = ["ConfigLoaderImpl", "apply_values", "combinations", "share_config_store"]


def apply_values(values: list[Override], config: DictConfig) -> None:
    """Set the values of keys in a merged configuration, as Hydra does after it has merged its groups."""
    ConfigLoaderImpl._apply_overrides_to_config(values, config)


def combinations(overrides: list[Override]) -> Sequence[Sequence[str]]:
    """Every combination of the values given, as overrides."""
    (jobs,) = BasicSweeper.split_arguments(overrides, max_batch_size=None)
    return jobs


def share_config_store() -> None:
    """Let copies of Hydra's sources refer to the one store of structured configurations.

    Hydra copies its sources, and so the whole store, for every group that ``--help`` lists and every configuration
    that it composes; what it loads from the store is a copy anyway.
    """
    ConfigStore.__deepcopy__ = lambda store, _: store  # type: ignore[attr-defined]
