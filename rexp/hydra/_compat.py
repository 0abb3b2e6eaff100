"""Private parts of Hydra that nothing public stands for; what an update of Hydra may break is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hydra._internal import config_loader_impl
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.defaults_list import DefaultsList, create_defaults_list
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.types import ChoiceSweep, ValueType

if TYPE_CHECKING:
    from hydra._internal.config_repository import IConfigRepository
    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig

__all__ = ["ConfigLoaderImpl", "apply_values", "combinations", "compose_sweeps_by_first_choice", "share_config_store"]


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


def compose_sweeps_by_first_choice() -> None:
    """Let the configuration of a sweep as a whole have the first choice of each group that is swept.

    Hydra leaves such a group at its default there, and refuses the keys that only the choices have:
    ``model=mf,lightgcn model.l2=0.1`` would fail at the default model, which no job is of.
    """
    vars(config_loader_impl)["create_defaults_list"] = _of_first_choices


def _of_first_choices(
    repo: IConfigRepository,
    config_name: str | None,
    overrides_list: list[Override],
    prepend_hydra: bool,
    skip_missing: bool,
) -> DefaultsList:
    chosen = [_first_choice(one) if repo.group_exists(one.key_or_group) else one for one in overrides_list]
    return create_defaults_list(repo, config_name, chosen, prepend_hydra, skip_missing)


def _first_choice(override: Override) -> Override:
    sweep = override._value
    if not isinstance(sweep, ChoiceSweep) or not isinstance(sweep.list[0], str):
        return override
    return replace(override, value_type=ValueType.ELEMENT, _value=sweep.list[0])
