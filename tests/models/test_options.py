"""The YAML of every model, loss and sampler lists its options with the defaults of its dataclass."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rexp.plugins import registry
from rexp.plugins.code_version import OWN
from rexp.plugins.options import from_options
from rexp.train.config import FitConfig

CONF = Path(__file__).parents[2] / "conf"
GROUPS = ("model", "loss", "sampler", "retriever")
RESERVED = {
    "model": ("fit", "init_from", "runs", "defaults"),
    "retriever": ("from", "n_candidates", "ranker", "defaults"),
}


def node(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    return loaded


FILES = [f"{group}/{file.stem}" for group in GROUPS for file in sorted((CONF / group).glob("*.yaml"))]
PLUGINS = [name for name in FILES if "name" in node(name)]
"""One without a name is another size of a plugin, such as ncf_large."""


def config_class(name: str) -> Any:
    kind, _, short = name.partition("/")
    return registry.load(kind, short).Config  # type: ignore[attr-defined]


def test_every_plugin_has_its_file() -> None:
    own = {f"{plugin.kind}/{plugin.name}" for plugin in registry.plugins() if plugin.distribution == OWN}
    assert {name for name in own if name.partition("/")[0] in GROUPS} == set(PLUGINS)


@pytest.mark.parametrize("name", PLUGINS)
def test_options_are_the_dataclass_s(name: str) -> None:
    options = node(name)
    assert options.pop("name") == name.split("/")[1]
    for reserved in RESERVED.get(name.partition("/")[0], ()):
        options.pop(reserved, None)
    options |= {key: "given" for key, value in options.items() if value == "???"}  # has no default
    defaults = config_class(name)(**{key: value for key, value in options.items() if value == "given"})
    if name.partition("/")[0] in ("loss", "sampler"):  # null: the model's own, else what the comment says
        said = dict(re.findall(r"^(\w+): null # ([\w.]+)", (CONF / f"{name}.yaml").read_text(), re.MULTILINE))
        assert set(options) == set(dataclasses.asdict(defaults))
        assert {key: yaml.safe_load(text) for key, text in said.items()} == dataclasses.asdict(defaults)
        return
    assert options == json.loads(json.dumps(dataclasses.asdict(defaults)))  # YAML has lists for tuples
    assert from_options(config_class(name), options, name) == defaults


@pytest.mark.parametrize("name", [name for name in PLUGINS if "fit" in node(name)])
def test_recipes_are_recipes(name: str) -> None:
    from_options(FitConfig, node(name)["fit"], f"{name}.fit")
    groups = {key for entry in node(name).get("defaults", []) if isinstance(entry, dict) for key in entry}
    assert groups <= {"/loss@fit.loss", "/sampler@fit.sampler"}
