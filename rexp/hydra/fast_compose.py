"""Configurations of many jobs at a fraction of what Hydra takes for each: what their groups make is composed once."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from functools import cache, cached_property
from typing import TYPE_CHECKING

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, open_dict

from rexp.hydra._compat import ConfigLoaderImpl, apply_values

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override


class Composer:
    """Composes jobs as Hydra does: the options of groups first, then the values of keys in the order of the words.

    Hydra merges the chosen options before it sets any value, and which options there are depends on no value; so jobs
    with the same options share what is merged, and each sets its values in a copy.

    Args:
        loader: Hydra's.
        master: the configuration of the sweep as a whole.
    """

    def __init__(self, loader: ConfigLoaderImpl, master: DictConfig) -> None:
        self._loader, self._master = loader, master
        self._merged: dict[tuple[str, ...], DictConfig] = {}
        self._is_group = cache(loader.repository.group_exists)
        self._parsed = cache(self._parser.parse_override)

    @cached_property
    def _parser(self) -> OverridesParser:
        return OverridesParser.create()

    def __call__(self, words: Sequence[str]) -> DictConfig:
        """A job's configuration without Hydra's own part.

        Raises:
            HydraException: it cannot be composed, as Hydra would say it.
        """
        parsed = [self._parsed(word) for word in words]
        values = [override for override in parsed if self._is_value(override)]
        options = tuple(str(override.input_line) for override in parsed if not self._is_value(override))
        if options not in self._merged:
            self._merged[options] = self._merge(options)
        config = deepcopy(self._merged[options])
        apply_values(values, config)
        return config

    def _is_value(self, override: Override) -> bool:
        """As Hydra tells them apart; a mapping given for a group is a value too."""
        return not self._is_group(override.key_or_group) or isinstance(override.value(), dict)

    def _merge(self, options: tuple[str, ...]) -> DictConfig:
        config = self._loader.load_sweep_config(self._master, list(options))
        with open_dict(config):
            del config["hydra"]
        return config
