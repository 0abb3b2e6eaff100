"""Hydra config sources of plugins: their own YAML, or one generated from the ``Config`` dataclass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.errors import ConfigCompositionException
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

from rexp.config.retriever import RetrieverNode
from rexp.errors import ConfigError
from rexp.hydra._compat import compose_sweeps_by_first_choice, share_config_store
from rexp.plugins import registry
from rexp.plugins.conf_dirs import conf_folder
from rexp.plugins.default_options import default_options

if TYPE_CHECKING:
    from hydra.core.config_search_path import ConfigSearchPath

    from rexp.plugins.options import Node


class PluginSearchPath(SearchPathPlugin):
    """Appends the configuration folders of plugins, then the source that makes what they left out."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for package in registry.conf_packages():
            if folder := conf_folder(package.package):
                # Hydra takes what follows file:// as a path, unquoted.
                search_path.append(package.distribution, f"file://{folder}")
        search_path.append("rexp", "rexp://entry-points")


class EntryPointSource(ConfigSource):
    """``<group>/<name>`` for every plugin that ships no YAML; last in the search path, so a file always wins."""

    @staticmethod
    def scheme() -> str:
        return "rexp"

    def available(self) -> bool:
        return True

    def is_group(self, config_path: str) -> bool:
        return config_path == "" or any(
            group == config_path or group.startswith(config_path + "/") for group in _kind_by_group()
        )

    def is_config(self, config_path: str) -> bool:
        group, name = _address(config_path)
        kind = _kind_by_group().get(group)
        return kind is not None and name in registry.names(kind)

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        group = config_path.strip("/")
        kind = _kind_by_group().get(group)
        configs = registry.names(kind) if kind and results_filter != ObjectType.GROUP else []
        return configs + (_groups_in(group) if results_filter != ObjectType.CONFIG else [])

    def load_config(self, config_path: str) -> ConfigResult:
        group, name = _address(config_path)
        kind = _kind_by_group()[group]
        try:
            config: Node = {"name": name, **default_options(registry.find(kind, name))}
        except ConfigError as error:
            # One line on the screen; ConfigLoadError would print a traceback.
            raise ConfigCompositionException(str(error)) from error
        if kind == "model":
            config["defaults"] = [{"/loss@fit.loss": "bce"}, {"/sampler@fit.sampler": "uniform"}, "_self_"]
        if kind == "retriever":  # what rexp itself reads of a retriever's node
            config |= {"from": None, "n_candidates": RetrieverNode.n_candidates, "ranker": None}
        if kind == "data":
            config["defaults"] = [{"split": None}, "_self_"]  # rexp takes the data's own parts, or leaves the last out
        # Several trackers stand side by side, each under its own key; for the others None means the group's own place.
        package = f"track.{name}" if kind == "tracker" else None
        return ConfigResult(
            config=OmegaConf.create(config),
            path=f"{self.scheme()}://{self.path}",
            provider=self.provider,
            header={"package": package},
        )


def _kind_by_group() -> dict[str, str]:
    return {kind.config_group: kind.name for kind in registry.KINDS.values() if kind.config_group}


def _groups_in(parent: str) -> list[str]:
    """Names of the groups right under a group ("" is the root) that have a plugin."""
    above = f"{parent}/" if parent else ""
    inhabited = [group for group, kind in _kind_by_group().items() if registry.names(kind)]
    return sorted({group.removeprefix(above).partition("/")[0] for group in inhabited if group.startswith(above)})


def _address(config_path: str) -> tuple[str, str]:
    group, _, name = config_path.removesuffix(".yaml").strip("/").rpartition("/")
    return group, name


def install() -> None:
    """Make both known to Hydra; harmless when called again."""
    plugins = Plugins.instance()
    for cls in (PluginSearchPath, EntryPointSource):
        plugins.register(cls)
    share_config_store()
    compose_sweeps_by_first_choice()
