"""The YAML of every model, loss and sampler lists its options with the defaults of its dataclass."""

from __future__ import annotations

import dataclasses
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from rexp.config.typed import build
from rexp.train.recipe import FitConfig

CONF = Path(__file__).parents[2] / "conf"
PLUGINS = {
    "model/mf": "rexp.models.mf:MF",
    "model/ncf": "rexp.models.ncf:NCF",
    "model/pop": "rexp.models.pop:Popularity",
    "model/random": "rexp.models.random:Random",
    "loss/bce": "rexp.losses.bce:BinaryCrossEntropy",
    "loss/bpr": "rexp.losses.bpr:BPR",
    "loss/mse": "rexp.losses.mse:MeanSquaredError",
    "loss/sampled_softmax": "rexp.losses.sampled_softmax:SampledSoftmax",
    "sampler/in_batch": "rexp.samplers.in_batch:InBatch",
    "sampler/popularity": "rexp.samplers.popularity:Popularity",
    "sampler/uniform": "rexp.samplers.uniform:Uniform",
}


def node(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    return loaded


def config_class(name: str) -> Any:
    module, _, attribute = PLUGINS[name].partition(":")
    return getattr(import_module(module), attribute).Config


def test_every_file_is_looked_at() -> None:
    found = {f"{group}/{file.stem}" for group in ("model", "loss", "sampler") for file in (CONF / group).glob("*.yaml")}
    assert found == set(PLUGINS)


@pytest.mark.parametrize("name", PLUGINS)
def test_options_are_the_dataclass_s(name: str) -> None:
    options = node(name)
    assert options.pop("name") == name.split("/")[1]
    for reserved in ("fit", "from", "defaults"):
        options.pop(reserved, None)
    defaults = config_class(name)()
    assert options == dataclasses.asdict(defaults)
    assert build(config_class(name), options, name) == defaults


@pytest.mark.parametrize("name", [name for name in PLUGINS if "fit" in node(name)])
def test_recipes_are_recipes(name: str) -> None:
    recipe = build(FitConfig, node(name)["fit"], f"{name}.fit")
    assert recipe.lr == 0.001
    groups = {key for entry in node(name)["defaults"] if isinstance(entry, dict) for key in entry}
    assert groups == {"/loss@fit.loss", "/sampler@fit.sampler"}
