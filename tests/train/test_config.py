"""The recipe's configuration."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from rexp.errors import ConfigError
from rexp.plugins.options import from_options
from rexp.train.config import IDENTITY_OF_DEVICE, MOST_PER_PROCESSOR, DeviceConfig, FitConfig
from rexp.train.devices import trainer_options

CONF = Path(__file__).parents[2] / "conf" / "train"


def test_the_yaml_has_every_key_and_leaves_the_recipe_to_the_model() -> None:
    options = yaml.safe_load((CONF / "default.yaml").read_text())
    recipe = {field.name for field in fields(FitConfig)} - {"loss", "sampler"}
    device = {field.name: field.default for field in fields(DeviceConfig)}
    assert set(options) == recipe | set(device)
    assert {options[key] for key in recipe} == {None}
    assert {key: options[key] for key in device} == device
    assert set(IDENTITY_OF_DEVICE) <= set(device)


def test_the_comments_in_the_yaml_are_the_defaults() -> None:
    for line in (CONF / "default.yaml").read_text().splitlines():
        key, _, rest = line.partition(": null # ")
        said = rest.split(":")[0].split(" ")[0]
        if rest and not rest.startswith("no "):
            assert str(getattr(FitConfig(), key)) == {"false": "False"}.get(said, said), line


@pytest.mark.parametrize(
    "options",
    [{"max_epochs": 0}, {"lr": 0}, {"patience": -1}, {"clip_norm": -1}, {"weight_decay": -1}, {"lr_decay": 0}],
)
def test_numbers_out_of_range_are_refused_by_name(options: dict[str, float]) -> None:
    (key,) = options
    with pytest.raises(ConfigError, match=f"^train: {key}="):
        from_options(FitConfig, options, "train")


@pytest.mark.parametrize(
    ("rest", "key", "values"),
    [
        ({"select_epoch": "last"}, "monitor", ["ndcg@10", "hr@10"]),
        ({"select_epoch": "last"}, "last_k", [2, 3]),
        ({"select_epoch": "last", "validate_on": "none"}, "validate_every", [1, 2]),
        ({"select_epoch": "best"}, "select_on_test", [False, True]),
        ({"optimizer": "sgd"}, "betas", [(0.9, 0.9), (0.5, 0.5)]),
    ],
)
def test_a_key_that_another_makes_meaningless_is_null(rest: dict[str, Any], key: str, values: list[Any]) -> None:
    plain = [FitConfig(**rest, **{key: value}).plain() for value in values]
    assert plain[0] == plain[1]
    assert plain[0][key] is None


@pytest.mark.parametrize(
    ("rest", "key", "value"),
    [
        ({"select_epoch": "best"}, "monitor", "hr@10"),
        ({"select_epoch": "last", "patience": 2}, "monitor", "hr@10"),
        ({"select_epoch": "last_k"}, "last_k", 3),
        ({"select_epoch": "last", "validate_on": "test"}, "validate_every", 2),
        ({"select_epoch": "best", "validate_on": "test"}, "select_on_test", True),
        ({"optimizer": "adamw"}, "betas", (0.5, 0.5)),
    ],
)
def test_a_key_that_means_something_is_kept(rest: dict[str, Any], key: str, value: object) -> None:
    assert FitConfig(**rest, **{key: value}).plain()[key] == value


def test_an_optimizer_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="did you mean 'adagrad'"):
        from_options(FitConfig, {"optimizer": "adagrat"}, "train")


def test_the_recipe_imports_no_torch() -> None:
    code = "import sys, rexp.train.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("key", ["threads", "devices"])
def test_many_times_the_processors_are_refused(key: str) -> None:
    most = MOST_PER_PROCESSOR * (os.cpu_count() or 1)
    assert getattr(DeviceConfig(**{key: most}), key) == most  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=f"train: {key}={most + 1} is beyond {most}"):
        from_options(DeviceConfig, {key: most + 1}, "train")


@pytest.mark.skipif(sys.platform == "darwin", reason="there may be one")
def test_an_apple_gpu_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="no Apple GPU here"):
        trainer_options(DeviceConfig(accelerator="mps"), FitConfig())
