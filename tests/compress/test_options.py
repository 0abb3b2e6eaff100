"""The files under conf/compress/stage say the defaults of the stages."""

from __future__ import annotations

import dataclasses
import json

import pytest
import yaml

from rexp import registry
from rexp.config.launch import conf_dir

STAGES = ["factorize", "half", "int8_linear", "qat", "select_features", "tie"]


@pytest.mark.parametrize("name", STAGES)
def test_the_configuration_file_says_the_defaults(name: str) -> None:
    written = yaml.safe_load((conf_dir() / "compress" / "stage" / f"{name}.yaml").read_text())
    assert written.pop("name") == name
    stage = registry.load("stage", name)
    assert written == json.loads(json.dumps(dataclasses.asdict(stage.Config())))  # type: ignore[attr-defined]
