"""The examples of docs/features.md, on made-up files of the names that they use."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from omegaconf import OmegaConf

from rexp.hydra.overrides import normalize_overrides
from rexp.prepare.features.policy import read_policies
from rexp.prepare.prepare import load_split

if TYPE_CHECKING:
    from omegaconf import DictConfig

PAGE = (Path(__file__).parents[1] / "docs" / "features.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^python -m rexp (.*)$", PAGE, re.M)
OWN = [line for line in COMMANDS if "data=csv" in line]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight users of six items, of which some have vectors."""
    rows = [f"{user},{(user + 2 * step) % 6},{step}" for user in range(8) for step in range(4)]
    (tmp_path / "mine.csv").write_text("\n".join(["user,item,time", *rows]) + "\n")
    years = ("1985", "1990", "", "2001", "1995", "1970")
    items = [f"{item},Film {item},{year},{'ab'[item % 2]}" for item, year in enumerate(years)]
    (tmp_path / "items.csv").write_text("\n".join(["item,title,year,studio", *items]) + "\n")
    ages = ("20", "", "30", "40", "25", "35", "45", "50")
    users = [f"{user},{age},{zip}" for user, (age, zip) in enumerate(zip(ages, "xxyzwxuv", strict=True))]
    (tmp_path / "users.csv").write_text("\n".join(["user,age,zip", *users]) + "\n")
    vectors = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    np.save(tmp_path / "clip.npy", vectors)
    np.savez(tmp_path / "clip.npz", image=vectors[:3], text=vectors[3:])
    (tmp_path / "ids.txt").write_text("5\n1\n0\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def data_of(composed: Callable[..., DictConfig], line: str) -> Any:
    words = shlex.split(line)
    return OmegaConf.to_container(composed(*normalize_overrides(words)).data, resolve=True)


@pytest.mark.parametrize("line", OWN)
def test_the_data_of_an_example_is_prepared(composed: Callable[..., DictConfig], folder: Path, line: str) -> None:
    node = data_of(composed, line)
    split = load_split(node, None, folder / "cache")
    named = {name: policy for name, policy in read_policies(node["features"]).items() if policy.kind != "drop"}
    assert set(named) <= set(split.spec.features)
    if "indicator" in line:
        assert split.features()["user.age.missing"].values.tolist() == [1, 2, 1, 1, 1, 1, 1, 1]
    if "edges" in line:
        assert "item.studio" not in split.spec.features
        assert split.features()["item.year"].values.tolist() == [1, 2, 0, 3, 2, 1]
    if "clip" in line:
        assert split.spec.features["item.image"].dim == 4


def test_the_yaml_says_what_the_commands_say(composed: Callable[..., DictConfig], folder: Path) -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S)
    written = read_policies(yaml.safe_load(block)["features"])
    typed: dict[str, Any] = {}
    for line in OWN:
        if "data.features" in line and "vectors" not in line:
            typed |= read_policies(data_of(composed, line)["features"])
    assert written == typed


def test_an_example_is_run_from_its_files_to_its_metrics(
    command: Callable[..., subprocess.CompletedProcess[str]], folder: Path
) -> None:
    (line,) = [line for line in OWN if "clip.npy" in line]
    quiet = (
        "evaluate.k=[2]",
        "train.max_epochs=1",
        "track=none",
        "references=[]",
        "measure.latency=false",
        "train.progress=none",
    )
    done = command(*shlex.split(line), *quiet, cwd=folder)
    assert done.returncode == 0, done.stderr
    (result,) = [json.loads(path.read_text()) for path in (folder / "runs").rglob("result.json")]
    text = json.dumps(result)
    assert "read from clip.npy" in text


@pytest.mark.skipif("REXP_DATA" not in os.environ, reason="REXP_DATA names no folder with the data sets")
@pytest.mark.parametrize("line", [line for line in COMMANDS if "data=csv" not in line])
def test_published_data_sets_are_prepared(composed: Callable[..., DictConfig], tmp_path: Path, line: str) -> None:
    split = load_split(data_of(composed, line), Path(os.environ["REXP_DATA"]), tmp_path)
    assert split.spec.features


def test_the_python_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    names: dict[str, Any] = {}
    exec(compile(block, "docs/features.md", "exec"), names)
    assert capsys.readouterr().out == "FeatureSpec(side='item', kind='set', cardinality=26, dim=0)\n"
    assert (names["years"].min(), names["years"].max()) == (0, 1)
    assert len(names["titles"]) == names["split"].n_items
