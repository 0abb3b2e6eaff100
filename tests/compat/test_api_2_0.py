"""Plugins of the oldest API that is supported run as their authors left them, and no name of it is gone."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import rexp.api
import rexp.testing
from rexp.plugins.registry import KINDS
from rexp.testing import cases_of
from tests.api.test_api import NAMES
from tests.plugins.conftest import install

HERE = Path(__file__).parent / "api_2_0"
OLDEST = (2, 0)
SINCE = {"explainer"}
"""Kinds that came later."""
POINTS = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]["entry-points"]
PLUGINS = [
    (kind.name, name, target.partition(":")[2])
    for kind in KINDS.values()
    for name, target in POINTS.get(kind.entry_points, {}).items()
]


@pytest.fixture(scope="module")
def frozen() -> ModuleType:
    spec = importlib.util.spec_from_file_location("frozen_2_0", HERE / "frozen_2_0.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_oldest_supported_api_is_the_first_of_its_number() -> None:
    assert rexp.api.REXP_API[0] == OLDEST[0]
    assert {kind for kind, _, _ in PLUGINS} == set(KINDS) - SINCE


def test_no_name_is_gone() -> None:
    sections = re.split(r"^# (.+)\n", (HERE / "names.txt").read_text(), flags=re.M)[1:]
    had = {title: set(names.split()) for title, names in zip(sections[::2], sections[1::2], strict=True)}
    assert had["rexp.api"] <= set(rexp.api.__all__)
    assert had["rexp.testing"] <= set(rexp.testing.__all__)
    assert had["members"] <= NAMES
    assert {"reduce", "check_plugin", "coupled_parameters"} <= set().union(*had.values())


@pytest.mark.parametrize(("kind", "name", "cls"), PLUGINS)
def test_each_passes_the_checks_of_its_time(kind: str, name: str, cls: str, frozen: ModuleType) -> None:
    cases = [case for case in cases_of(kind, name, getattr(frozen, cls)) if case.check.since <= OLDEST]
    results = [result for case in cases for result in case.results()]
    assert [str(result) for result in results if result.outcome == "failed"] == []
    assert any(result.outcome == "passed" for result in results)


@pytest.mark.slow
def test_they_are_installed_and_run_together(command: Callable[..., Any], tmp_path: Path) -> None:
    site = install([HERE], tmp_path)
    quick = ("measure.latency=false", "train.progress=none", "references=[]")
    common = [
        *("data=frozen_blocks", "data/split=frozen_last", "model=frozen_mf", "loss=frozen_hinge"),
        *("sampler=frozen_uniform", "model@teacher=frozen_counts", "train.max_epochs=2", "track=frozen_lines"),
        *("compress=kd", "compress/stage@compress.stages.distill=frozen_pull"),
        *("evaluate.metrics=[ndcg,frozen_first,frozen_seen]", "+compress/stage@compress.stages.round=frozen_round"),
        *("compress.order=[[fit,distill],round]", *quick),
    ]  # fmt: skip
    two = ("evaluate=two_stage", "evaluate.metrics=[ndcg]", "retriever=frozen_exact", "retriever.n_candidates=10")
    for more in ((), two):
        done = command(*common, *more, on_path=[site], cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    results = [json.loads(file.read_text()) for file in (tmp_path / "runs").glob("*/result.json")]
    metrics = {name for result in results for name in result["metrics"]}
    assert {"frozen_first@10", "frozen_seen@10", "ndcg@10|two_stage"} <= metrics
    assert all("done" in file.read_text() for file in (tmp_path / "runs").glob("*/lines.txt"))
