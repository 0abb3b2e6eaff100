"""A plugin's YAML, where it has one, says what its dataclass says."""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from rexp.plugins import registry
from rexp.plugins.code_version import OWN
from rexp.plugins.conf_dirs import conf_dir
from rexp.plugins.options import from_options

RESERVED = {
    "model": {"name", "fit", "seed", "init_from", "runs"},
    "data": {"name", "features", "filter", "split", "strict"},
    "retriever": {"name", "from", "n_candidates", "ranker"},
}
SILENT = ("loss", "sampler")
"""Kinds whose YAML leaves every option to the model's own recipe, and says the default in a comment."""
GENERATED = ("stage", "split", "tracker")
"""Kinds whose configurations are made from their dataclasses: a file could only repeat them."""
BUILT_IN = [
    plugin for plugin in registry.plugins() if plugin.distribution == OWN and registry.KINDS[plugin.kind].config_group
]


def options(file: Path, kind: str) -> dict[str, Any]:
    """What the file sets of the plugin's own options."""
    text = file.read_text()
    node = OmegaConf.to_container(OmegaConf.create(text))
    assert isinstance(node, dict)
    node.pop("defaults", None)
    assert node["name"] == file.stem
    return {str(key): value for key, value in node.items() if key not in RESERVED.get(kind, {"name"})}


def commented(file: Path) -> dict[str, Any]:
    """Defaults as the comments have them: ``n: null # 4: of each positive``."""
    lines = [line.partition(": null # ") for line in file.read_text().splitlines() if ": null # " in line]
    return {key: OmegaConf.create(f"[{said.split()[0].rstrip(':')}]")[0] for key, _, said in lines}


def file_of(plugin: registry.Plugin) -> Path:
    return conf_dir() / registry.KINDS[plugin.kind].config_group / f"{plugin.name}.yaml"


def test_only_what_says_more_than_a_dataclass_has_a_file() -> None:
    assert [plugin.name for plugin in BUILT_IN if file_of(plugin).is_file() == (plugin.kind in GENERATED)] == []


@pytest.mark.parametrize(
    "plugin",
    [plugin for plugin in BUILT_IN if plugin.kind not in GENERATED],
    ids=lambda plugin: f"{plugin.kind}-{plugin.name}",
)
def test_the_yaml_lists_the_options_with_the_defaults_of_the_dataclass(plugin: registry.Plugin) -> None:
    file = file_of(plugin)
    config_class: Any = plugin.load().Config  # type: ignore[attr-defined]
    found = options(file, plugin.kind)
    assert set(found) == {field.name for field in fields(config_class) if field.init}
    required = {f.name for f in fields(config_class) if f.default is MISSING and f.default_factory is MISSING}
    assert {key for key, value in found.items() if value == "???"} == required
    given = {key: value for key, value in found.items() if key not in required}
    if plugin.kind in SILENT:
        assert set(given.values()) <= {None}
        given = commented(file)
    some = dict.fromkeys(required, "x")
    assert from_options(config_class, {**given, **some}, plugin.kind) == config_class(**some)


def test_no_yaml_names_a_class_to_import() -> None:
    for file in conf_dir().rglob("*.yaml"):
        assert "_target_" not in file.read_text(), file


@pytest.mark.parametrize("plugin", registry.plugins(), ids=lambda plugin: f"{plugin.kind}-{plugin.name}")
def test_every_installed_plugin_loads_and_says_what_its_options_mean(plugin: registry.Plugin) -> None:
    config_class: Any = plugin.load().Config  # type: ignore[attr-defined]
    if options := [field.name for field in fields(config_class)]:
        # What is inherited is explained where it comes from.
        text = "".join(cls.__doc__ or "" for cls in config_class.__mro__)
        assert "Args:" in text, f"{config_class.__qualname__} has no text for {options}"
        assert [name for name in options if name not in text] == []
